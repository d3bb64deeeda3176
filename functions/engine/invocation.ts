import type { Clock } from './clock.ts';
import {
  DatabaseError,
  DatabaseUnavailable,
  Failure,
  MigrationFailed,
  mendLedger,
  publicMessage,
} from './errors.ts';
import { schema } from './ledger/names.ts';

// What a slice leaves of its invocation: a statement that runs into the Data API's 45 s, a pause of 10 s before the next
// try, and the answer.
const reserve = 60;
// Where the Lambda has less than that in all, as in a test, half of it is for batches.
const share = 0.5;

/** Until when, on the clock's scale, an invocation that still has `milliseconds` may begin batches. */
export function sliceDeadline(clock: Clock, milliseconds: number): number {
  const remaining = milliseconds / 1_000;
  return clock.now() + Math.max(remaining - reserve, remaining * share);
}

/**
 * Runs one operation; what the database refuses leaves it by a name that the machine knows, saying what to do. What it throws is
 * read in states, events and logs, so keys and values of rows are in it only where `showsRowData`: not by way of its cause either.
 */
export async function operation<T>(
  what: string,
  { showsRowData }: { readonly showsRowData: boolean },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = error instanceof DatabaseError ? failureOf(what, error) : error;
    if (failure instanceof Failure && showsRowData) {
      failure.message = failure.inFull;
    } else if (failure instanceof Error) {
      delete failure.cause;
    }
    throw failure;
  }
}

function failureOf(what: string, error: DatabaseError): Failure {
  if (error.fault === 'moment') {
    return new DatabaseUnavailable(
      `${what}: ${error.message}. The database did not serve us; start again later`,
      { cause: error },
    );
  }
  const advice = isOfLedger(error) ? mendLedger : 'Correct what it says and start again';
  const say = (message: string) => `${what}: ${message}. ${advice}`;
  return new MigrationFailed(say(publicMessage(error)), { inFull: say(error.message), cause: error });
}

/** Whether a table of the ledger is missing. */
function isOfLedger({ message, sqlState }: DatabaseError): boolean {
  return sqlState === '42P01' && message.includes(`"${schema}.`);
}
