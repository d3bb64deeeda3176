import type * as v from 'valibot';
import type { Session } from '../connections/session.ts';
import type { Sessions } from '../connections/sessions.ts';
import type { Transactions } from '../connections/transactions.ts';
import type { Deviation } from '../oddities.ts';
import { parseRequest, type Target } from './request.ts';

/** What a call works with. */
export interface Context {
  readonly sessions: Sessions;
  readonly transactions: Transactions;
  /** When the call's time is up, in milliseconds since 1970. */
  readonly deadline: number;
  readonly deviation: Deviation;
}

/**
 * Lets a call in, and starts its time.
 *
 * @throws RdsDataError for the ARN of another cluster or secret, and while the database wakes.
 */
export type Admit = (target: Target) => Context;

/** One operation: takes the request's JSON text, and returns the response's. */
export type Action = (body: string, admit: Admit) => Promise<string>;

/**
 * Makes an operation.
 *
 * @param schema The members of its request.
 * @param run Does the work and returns the response as JSON text.
 */
export function action<Schema extends v.GenericSchema<unknown, Target>>(
  schema: Schema,
  run: (request: v.InferOutput<Schema>, context: Context) => Promise<string>,
): Action {
  return async (body, admit) => {
    const request = parseRequest(schema, body);
    return run(request, admit(request));
  };
}

/** Where a statement runs. */
interface Place {
  readonly transactionId?: string | null | undefined;
  readonly database?: string | null | undefined;
}

/** Does a call's work in the transaction that it names, or else in a session of its own, which ends with the call. */
export async function inSession<Result>(
  { transactionId, database }: Place,
  { sessions, transactions }: Context,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  if (transactionId != null) {
    return transactions.use(transactionId, work);
  }
  const session = await sessions.open(database);
  try {
    return await work(session);
  } finally {
    void session.release(); // the answer need not wait for that
  }
}
