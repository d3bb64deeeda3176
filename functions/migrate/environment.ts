import {
  integer,
  minLength,
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
  BACKGROUND_AT_ONCE: optional(pipe(string(), transform(Number), integer(), minValue(1)), '2'),
  AWS_LAMBDA_FUNCTION_VERSION: optional(string(), ''),
  FOLLOW_UPS: pipe(string(), parseJson(), record(string(), string())),
  LEDGER_SCHEMA: optional(string()),
  SHOW_ROW_DATA: optional(picklist(['true', 'false']), 'false'),
  STACK_NAME: pipe(string(), minLength(1)),
});

/** What the stack tells the `migrate` function. Throws when a variable is missing or malformed. */
export function environment(env: NodeJS.ProcessEnv): {
  /** After how many slices a run goes on in its next part. */
  readonly slicesPerExecution: number;
  /** How many migrations may be at work in the background at once. */
  readonly backgroundAtOnce: number;
  /** The version of the function. */
  readonly code: string;
  /** The follow-up jobs that are deployed, each with the ARN of its machine. */
  readonly jobs: Jobs;
  /** Whether keys and values of rows may be in results and errors, which are read in states, events and logs. */
  readonly showsRowData: boolean;
  /** The schema of the ledger, unless it is the default. */
  readonly ledgerSchema: string | undefined;
  /** The stack's name, by which its metrics are told from another's. */
  readonly stack: string;
} {
  const read = readEnvironment(variables, env);
  return {
    slicesPerExecution: read.SLICES_PER_EXECUTION,
    backgroundAtOnce: read.BACKGROUND_AT_ONCE,
    code: read.AWS_LAMBDA_FUNCTION_VERSION,
    jobs: read.FOLLOW_UPS,
    ledgerSchema: read.LEDGER_SCHEMA,
    showsRowData: read.SHOW_ROW_DATA === 'true',
    stack: read.STACK_NAME,
  };
}
