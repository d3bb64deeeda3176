import {
  integer,
  minValue,
  object,
  optional,
  parseJson,
  picklist,
  pipe,
  record,
  string,
  transform,
} from 'valibot';
import { readEnvironment } from '../engine/database/environment.ts';
import type { Jobs } from '../engine/ledger/follow-ups.ts';

const variables = object({
  SLICES_PER_EXECUTION: pipe(string(), transform(Number), integer(), minValue(1)),
  FOLLOW_UPS: pipe(string(), parseJson(), record(string(), string())),
  SHOW_ROW_DATA: optional(picklist(['true', 'false']), 'false'),
});

/** What the stack tells the `migrate` function. Throws when a variable is missing or malformed. */
export function environment(env: NodeJS.ProcessEnv): {
  /** After how many slices an execution hands over to its continuation. */
  readonly slicesPerExecution: number;
  /** The follow-up jobs that are deployed, each with the ARN of its machine. */
  readonly jobs: Jobs;
  /** Whether keys and values of rows may be in results and errors, which are read in states, events and logs. */
  readonly showsRowData: boolean;
} {
  const read = readEnvironment(variables, env);
  return {
    slicesPerExecution: read.SLICES_PER_EXECUTION,
    jobs: read.FOLLOW_UPS,
    showsRowData: read.SHOW_ROW_DATA === 'true',
  };
}
