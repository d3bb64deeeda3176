import type { Action } from './action.ts';
import { arnLength } from './input.ts';

export const startExecution: Action = (account, input) => {
  const { arn, startDate } = account.start(
    input.requiredText('stateMachineArn', arnLength),
    input.text('name', 80),
    input.text('input', Number.POSITIVE_INFINITY), // its limit counts bytes, wherever it comes from
  );
  return { executionArn: arn, startDate };
};
