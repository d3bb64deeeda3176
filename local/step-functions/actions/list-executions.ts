import { ApiError } from '../api-error.ts';
import { defined } from '../describe.ts';
import type { Action } from './action.ts';
import { arnLength } from './input.ts';
import { page } from './page.ts';

const statuses = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'PENDING_REDRIVE'] as const;

export const listExecutions: Action = (account, input) => {
  const arn = input.text('stateMachineArn', arnLength);
  if (arn === undefined) {
    throw new ApiError('ValidationException', 'stateMachineArn is required: there are no Map Runs here');
  }
  const status = input.oneOf('statusFilter', statuses);
  const redriven = input.oneOf('redriveFilter', ['REDRIVEN', 'NOT_REDRIVEN']);
  const executions = account
    .executionsOf(account.machine(arn))
    .filter((each) => status === undefined || each.status === status)
    .filter((each) => redriven === undefined || each.redriveCount > 0 === (redriven === 'REDRIVEN'));
  const { items, nextToken } = page(executions, (each) => each.name, input);
  return defined({
    executions: items.map((each) =>
      defined({
        executionArn: each.arn,
        stateMachineArn: arn,
        name: each.name,
        status: each.status,
        startDate: each.startDate,
        stopDate: each.stopDate,
        redriveCount: each.redriveCount,
        redriveDate: each.redriveDate,
      }),
    ),
    nextToken,
  });
};
