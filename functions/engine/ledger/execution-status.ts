import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { Clock } from '../clock.ts';
import { MigrationFailed, messageOf, nameOf } from '../errors.ts';
import { schema } from './names.ts';

/** Asks Step Functions how an execution is; undefined if it knows none of that ARN. */
export type ExecutionStatus = (executionArn: string) => Promise<string | undefined>;

/** Every way an execution may still write: it runs, or waits for a place to be redriven in. */
export function isAlive(status: string | undefined): boolean {
  return status === 'RUNNING' || status === 'PENDING_REDRIVE';
}

// DescribeExecution is eventually consistent: an execution that began a moment ago may not be known yet.
const asks = 3;

/** Asks Step Functions for the status of executions. */
export function executionStatus(client: SFNClient, sleep: Clock['sleep']): ExecutionStatus {
  return async (executionArn) => {
    for (let ask = 1; ; ask += 1) {
      try {
        return (await client.send(new DescribeExecutionCommand({ executionArn }))).status;
      } catch (error) {
        if (nameOf(error) !== 'ExecutionDoesNotExist') {
          throw new MigrationFailed(
            `could not ask Step Functions for ${executionArn}: ${messageOf(error)}. Whether it still runs must be known ` +
              'before its place is taken: check the permissions of this function, or set its line in ' +
              `${schema}.runs to 'failed' if you know that it has ended`,
            { cause: error },
          );
        }
        if (ask === asks) {
          return undefined;
        }
        await sleep(1);
      }
    }
  };
}
