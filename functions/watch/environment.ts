import { array, object, optional, parseJson, pipe, string } from 'valibot';
import { readEnvironment } from '../engine/database/environment.ts';

const variables = object({
  STACK_NAME: string(),
  MACHINE_ARN: string(),
  FOLLOW_UP_ARNS: pipe(string(), parseJson(), array(string())),
  LEDGER_SCHEMA: optional(string()),
});

/** What the stack tells the watcher. Throws when a variable is missing or malformed. */
export function environment(env: NodeJS.ProcessEnv): {
  /** The value of the metrics' dimension `stack`. */
  readonly stack: string;
  /** The machine that runs the migrations. */
  readonly machineArn: string;
  /** The machines of the follow-up jobs. */
  readonly followUpArns: readonly string[];
  /** The schema of the ledger, unless it is the default. */
  readonly ledgerSchema: string | undefined;
} {
  const read = readEnvironment(variables, env);
  return {
    stack: read.STACK_NAME,
    machineArn: read.MACHINE_ARN,
    followUpArns: read.FOLLOW_UP_ARNS,
    ledgerSchema: read.LEDGER_SCHEMA,
  };
}
