import type { Action } from './action.ts';
import { arnLength } from './input.ts';

export const redriveExecution: Action = (account, input) => {
  const execution = account.execution(input.requiredText('executionArn', arnLength));
  const token = input.text('clientToken', 64);
  // A repeated request is answered as the first was.
  if (token === undefined || token !== execution.redriveToken) {
    execution.redrive(token);
  }
  return { redriveDate: execution.redriveDate };
};
