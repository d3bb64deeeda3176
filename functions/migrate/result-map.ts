import type { Counters, FollowUp, Result, ResultMap } from '../contract.ts';
import { executionArn } from '../engine/ledger/execution-names.ts';
import type { Jobs } from '../engine/ledger/follow-ups.ts';
import { keepResult, mostResultBytes, outcomeOf } from '../engine/ledger/run-record.ts';
import type { Turn } from './turn.ts';

/**
 * Keeps what a run has to say of a migration that it is through with: what the ledger says it came to, unless it is given. Returns it
 * as a state may have it, without the samples: those of hundreds of migrations would be too much for a Map.
 */
export async function keptResult(
  { engine: { database }, run, migration: { name } }: Pick<Turn, 'engine' | 'run' | 'migration'>,
  given?: Result,
): Promise<Result> {
  const result = given ?? (await outcomeOf(database, name)) ?? 'skipped';
  const inShort = withoutSamples(result);
  await keepResult(database, run, name, result, inShort);
  return inShort;
}

/**
 * The output of a run: what each registered migration says of itself, in order, or that it had no work; and the follow-up
 * jobs to start. Where the samples of row errors, and the keys that validations found, would make it too large for a state,
 * it goes without them: they are in the ledger. It does so, too, unless keys and values of rows are asked for.
 */
export function resultMap(
  names: readonly string[],
  results: ReadonlyMap<string, Result>,
  next: NextJobs,
  showsRowData: boolean,
): ResultMap {
  const whole = { ...mapped(names, (name) => results.get(name) ?? 'skipped'), ...next };
  if (showsRowData && Buffer.byteLength(JSON.stringify(whole)) <= mostResultBytes) {
    return whole;
  }
  return { ...mapped(names, (name) => withoutSamples(results.get(name) ?? 'skipped')), ...next };
}

/** What a result map says of the follow-up jobs that are started: their names and, in the same order, the executions to look at. */
export type NextJobs = Readonly<Record<string, readonly string[]>>;

/** Names the follow-up jobs of a run, and their executions; nothing where there are none. */
export function nextJobs(followUps: readonly FollowUp[], jobs: Jobs): NextJobs {
  if (followUps.length === 0) {
    return {};
  }
  return {
    next_jobs: followUps.map(({ job }) => job),
    next_executions: followUps.flatMap(({ job, execution_name }) => {
      const machine = jobs[job];
      return machine === undefined ? [] : [executionArn(machine, execution_name)];
    }),
  };
}

function mapped(names: readonly string[], resultOf: (name: string) => Result): ResultMap {
  return Object.fromEntries(names.map((name) => [name, resultOf(name)]));
}

/** A result without the keys and values of rows. */
export function withoutSamples(result: Result): Result {
  if (typeof result === 'string') {
    return result;
  }
  const { error_samples: _, validations, ...others } = result as Partial<Counters>;
  return {
    ...others,
    ...(validations && { validations: validations.map(({ keys: __, ...found }) => found) }),
  } as Result;
}
