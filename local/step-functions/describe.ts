import type { Execution } from './execution.ts';

/** What DescribeExecution answers, over HTTP and to a Task. */
export function describe(
  execution: Execution,
  includedData: 'ALL_DATA' | 'METADATA_ONLY',
): Record<string, unknown> {
  const { arn, machine, name, status, startDate, stopDate, ending, redriveCount, redriveDate } = execution;
  const all = includedData === 'ALL_DATA';
  return defined({
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate,
    stopDate,
    input: all ? execution.input : undefined,
    inputDetails: { included: all },
    output: all ? ending.output : undefined,
    outputDetails: ending.output === undefined ? undefined : { included: all },
    error: all ? ending.error : undefined,
    cause: all ? ending.cause : undefined,
    redriveCount,
    redriveDate,
    redriveStatus: execution.notRedrivable === undefined ? 'REDRIVABLE' : 'NOT_REDRIVABLE',
    redriveStatusReason: execution.notRedrivable,
  });
}

/** Without the fields that say nothing. */
export function defined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
