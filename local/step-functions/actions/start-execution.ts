import { maxNameLength } from '../quotas.ts';
import type { Action } from './action.ts';

/** Starts an execution. */
export const startExecution: Action = (account, fields) => {
  const { arn, startDate } = account.start({
    stateMachineArn: fields.arn('stateMachineArn'),
    name: fields.text('name', maxNameLength),
    input: fields.text('input', Number.POSITIVE_INFINITY), // its limit counts bytes, and the account checks it
  });
  return { executionArn: arn, startDate };
};
