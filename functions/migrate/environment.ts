import { integer, minValue, object, parseJson, pipe, record, string, transform } from 'valibot';
import { readEnvironment } from '../engine/database/environment.ts';
import type { Jobs } from '../engine/ledger/follow-ups.ts';

const variables = object({
  SLICES_PER_EXECUTION: pipe(string(), transform(Number), integer(), minValue(1)),
  FOLLOW_UPS: pipe(string(), parseJson(), record(string(), string())),
});

/** What the stack tells the `migrate` function. Throws when a variable is missing or malformed. */
export function environment(env: NodeJS.ProcessEnv): {
  /** After how many slices an execution hands over to its continuation. */
  readonly slicesPerExecution: number;
  /** The follow-up jobs that are deployed, each with the ARN of its machine. */
  readonly jobs: Jobs;
} {
  const read = readEnvironment(variables, env);
  return { slicesPerExecution: read.SLICES_PER_EXECUTION, jobs: read.FOLLOW_UPS };
}
