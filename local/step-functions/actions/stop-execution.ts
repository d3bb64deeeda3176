import { maxCauseLength, maxErrorLength } from '../quotas.ts';
import type { Action } from './action.ts';

/** Ends an execution. */
export const stopExecution: Action = (account, fields) => {
  const execution = account.execution(fields.arn('executionArn'));
  execution.stop({
    error: fields.text('error', maxErrorLength),
    cause: fields.text('cause', maxCauseLength),
  });
  return { stopDate: execution.stopDate };
};
