import type { Action } from './action.ts';
import { arnLength } from './input.ts';

export const stopExecution: Action = (account, input) => {
  const execution = account.execution(input.requiredText('executionArn', arnLength));
  execution.stop(input.text('error', 256), input.text('cause', 32_768));
  return { stopDate: execution.stopDate };
};
