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
  const { arn, machine, name, status, startDate, stopDate, input, redriveCount, redriveDate, notRedrivable } =
    execution;
  const { output, error, cause } = execution.ending;
  const included = includedData === 'ALL_DATA';
  const ifIncluded = (text: string | undefined) => (included ? text : undefined);
  return withoutUndefined({
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate,
    stopDate,
    input: ifIncluded(input),
    inputDetails: { included },
    output: ifIncluded(output),
    outputDetails: output === undefined ? undefined : { included },
    error: ifIncluded(error),
    cause: ifIncluded(cause),
    redriveCount,
    redriveDate,
    redriveStatus: notRedrivable === undefined ? 'REDRIVABLE' : 'NOT_REDRIVABLE',
    redriveStatusReason: notRedrivable,
  });
}
