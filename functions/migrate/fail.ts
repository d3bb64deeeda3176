import { object, optional, parse, string } from 'valibot';
import { type Caller, ErrorName, type Failure, type MigrateRequest } from '../contract.ts';
import { DatabaseError } from '../engine/errors.ts';
import { end } from '../engine/ledger/run-lock.ts';
import { runState } from '../engine/ledger/run-record.ts';
import type { Engine } from './engine.ts';

/**
 * Records that a run failed, lets go of the ledger, and says what the operator reads. The run counts as failed once: a part of it and its
 * first execution both come here, and so does a try whose answer got lost. One that the database cannot be told of counts when nobody
 * tries again.
 */
export async function fail(
  engine: Engine,
  run: Caller,
  { error, cause, last_try: isLastTry }: Extract<MigrateRequest, { readonly operation: 'fail' }>,
): Promise<Failure> {
  const ofPart = failureOfPart(error, cause);
  // A part that could record its failure has said what was finished before it, and has counted.
  const isTold = ofPart !== undefined && ofPart.error !== ErrorName.PartStopped;
  const found = ofPart ?? { error, cause: explained(error, cause) };
  try {
    const { ended, ...failure } = await record(engine, run, found, isTold);
    if (ended !== 'before') {
      count(engine, failure);
    }
    return failure;
  } catch (problem) {
    const isTriedAgain = problem instanceof DatabaseError && problem.fault === 'moment' && !isLastTry;
    if (!isTriedAgain && !isTold) {
      count(engine, found);
    }
    throw problem;
  }
}

function count({ logger, metrics }: Engine, { error, cause }: Failure): void {
  logger.error('run failed', { error, cause });
  metrics.ofStack({ RunsFailed: 1 });
}

async function record(
  { database, migrations }: Engine,
  run: Caller,
  { error, cause }: Failure,
  isTold: boolean,
): Promise<Failure & { readonly ended: Awaited<ReturnType<typeof end>> }> {
  const before = isTold ? '' : await finishedBefore(database, run, migrations);
  const failure = { error, cause: `${cause}${before}` };
  const ended = await end(database, run, 'failed', `${failure.error}: ${failure.cause}`);
  return { ...failure, ended };
}

// As many names as a person reads; the states of the run have all of them.
const mostNames = 20;

/** What the run was through with before it failed. */
async function finishedBefore(
  database: Engine['database'],
  run: Caller,
  migrations: Engine['migrations'],
): Promise<string> {
  const { results } = await runState(database, run);
  const names = migrations.flatMap(({ name }) => {
    const result = results.get(name);
    return typeof result === 'object' && 'total_processed' in result && !('state' in result) ? [name] : [];
  });
  if (names.length === 0) {
    return '';
  }
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return `. Before it, this run finished ${names.slice(0, mostNames).join(', ')}${more}`;
}

const description = object({
  ExecutionArn: string(),
  Status: string(),
  Error: optional(string()),
  Cause: optional(string()),
});

/** What ended another part of the run, which Step Functions describes; undefined if this is nothing of the kind. */
function failureOfPart(error: string, cause: string): Failure | undefined {
  if (error !== 'States.TaskFailed') {
    return undefined;
  }
  try {
    const { ExecutionArn, Status, Error: name, Cause } = parse(description, JSON.parse(cause));
    if (name !== undefined && Status === 'FAILED') {
      return { error: name, cause: Cause ?? '' };
    }
    const why = [name, Cause].filter(Boolean).join(': ');
    return {
      error: ErrorName.PartStopped,
      cause:
        `${ExecutionArn}, a part of this run, is ${Status}${why && ` (${why})`}. Start the machine again: it goes on from the ` +
        'checkpoints',
    };
  } catch {
    return undefined;
  }
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
