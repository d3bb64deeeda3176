import { ApiError } from '../api-error.ts';
import type { Execution } from '../execution/execution.ts';
import { withoutUndefined } from '../json.ts';
import { maxArnLength } from '../quotas.ts';
import type { Action } from './action.ts';
import { pageOf } from './page.ts';

/** The statuses of the API. No execution here is PENDING_REDRIVE, which only children of a distributed Map can be. */
const statuses = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'PENDING_REDRIVE'] as const;

/** Lists a machine's executions, the latest first. */
export const listExecutions: Action = (account, fields) => {
  const arn = fields.text('stateMachineArn', maxArnLength);
  if (arn === undefined) {
    throw new ApiError('ValidationException', 'stateMachineArn is required: there are no Map Runs here');
  }
  const status = fields.oneOf('statusFilter', statuses);
  const redriveFilter = fields.oneOf('redriveFilter', ['REDRIVEN', 'NOT_REDRIVEN']);
  const executions = account
    .executionsOf(account.machine(arn))
    .filter((each) => status === undefined || each.status === status)
    .filter(({ redriveCount }) => {
      const wasRedriven = redriveCount > 0;
      return redriveFilter === undefined || wasRedriven === (redriveFilter === 'REDRIVEN');
    });
  const { items, nextToken } = pageOf(executions, ({ name }) => name, fields);
  return withoutUndefined({ executions: items.map(listItem), nextToken });
};

function listItem(execution: Execution): Record<string, unknown> {
  const { arn, machine, name, status, startDate, stopDate, redriveCount, redriveDate } = execution;
  return withoutUndefined({
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate,
    stopDate,
    redriveCount,
    redriveDate,
  });
}
