import type { Operation, Request } from './request.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Transactions } from './transactions.ts';

/** What an action works with. */
export interface Context {
  readonly sessions: Sessions;
  readonly transactions: Transactions;
  /** When this call's time is up, in milliseconds since 1970. */
  readonly deadline: number;
}

/** Answers one operation: the response body as JSON text. */
export type Action<Name extends Operation> = (request: Request<Name>, context: Context) => Promise<string>;

/** Does a call's work in its transaction, or in a session that nothing of it outlives. */
export async function inSession<Result>(
  {
    transactionId,
    database,
  }: { readonly transactionId?: string | null | undefined; readonly database?: string | null | undefined },
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
    void session.release(); // the answer need not wait for it
  }
}
