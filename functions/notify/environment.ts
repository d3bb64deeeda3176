import { object, optional, string } from 'valibot';
import { readEnvironment } from '../engine/database/environment.ts';

const variables = object({
  STACK_NAME: string(),
  MACHINE_ARN: string(),
  TOPIC_ARN: string(),
  RUNBOOK_URL: optional(string()),
});

/** What the stack tells the function that notifies. Throws when a variable is missing. */
export function environment(env: NodeJS.ProcessEnv): {
  readonly stack: string;
  /** The machine that runs the migrations; all others are those of follow-up jobs. */
  readonly machineArn: string;
  readonly topicArn: string;
  /** Where the runbook is, unless it is the default. */
  readonly runbookUrl: string | undefined;
} {
  const read = readEnvironment(variables, env);
  return {
    stack: read.STACK_NAME,
    machineArn: read.MACHINE_ARN,
    topicArn: read.TOPIC_ARN,
    runbookUrl: read.RUNBOOK_URL,
  };
}
