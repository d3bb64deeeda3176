import { withoutUndefined } from '../json.ts';
import type { Execution } from './execution.ts';

/**
 * What DescribeExecution answers, over HTTP and to a Task.
 *
 * @param includedData `METADATA_ONLY` leaves out input, output, error and cause.
 */
export function executionDescription(
  execution: Execution,
  includedData: 'ALL_DATA' | 'METADATA_ONLY',
): Record<string, unknown> {
  const { arn, machine, name, status, startDate, stopDate, input, ending, redriveCount, redriveDate } =
    execution;
  const included = includedData === 'ALL_DATA';
  const data = included ? { input, ...ending } : {};
  return withoutUndefined({
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate,
    stopDate,
    ...data,
    inputDetails: { included },
    outputDetails: ending.output === undefined ? undefined : { included },
    redriveCount,
    redriveDate,
    redriveStatus: execution.notRedrivable === undefined ? 'REDRIVABLE' : 'NOT_REDRIVABLE',
    redriveStatusReason: execution.notRedrivable,
  });
}
