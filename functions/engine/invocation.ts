import type { Clock } from './clock.ts';
import { DatabaseError, DatabaseUnavailable, MigrationFailed, mendLedger } from './errors.ts';

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

/** Runs one operation; what the database refuses leaves it by a name that the machine knows, saying what to do. */
export async function operation<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError)) {
      throw error;
    }
    if (error.fault === 'moment') {
      throw new DatabaseUnavailable(
        `${what}: ${error.message}. The database did not serve us; start again later`,
        {
          cause: error,
        },
      );
    }
    const advice = isOfLedger(error) ? mendLedger : 'Correct what it says and start again';
    throw new MigrationFailed(`${what}: ${error.message}. ${advice}`, { cause: error });
  }
}

/** Whether a table of the ledger is missing. */
function isOfLedger({ message, sqlState }: DatabaseError): boolean {
  return sqlState === '42P01' && message.includes('"data_migrations.');
}
