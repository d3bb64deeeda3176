import type { Caller, Failure } from '../contract.ts';
import { end } from '../engine/ledger/run-lock.ts';
import type { Engine } from './engine.ts';

/** Records that a run failed, lets go of the ledger, and says what the operator reads. */
export async function fail(
  { database }: Engine,
  run: Caller,
  { error, cause }: { readonly error: string; readonly cause: string },
): Promise<Failure> {
  const failure = { error, cause: explained(error, cause) };
  await end(database, run, 'failed', `${error}: ${failure.cause}`);
  return failure;
}

/** A Lambda's error arrives as JSON with its message; the errors of Step Functions itself do not. */
function explained(error: string, cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    if (typeof errorMessage === 'string') {
      return errorMessage;
    }
  } catch {
    // Not JSON: it is the message.
  }
  return cause || `${error}, without a cause`;
}
