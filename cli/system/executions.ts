import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  type ExecutionListItem,
  type ExecutionStatus,
  ListExecutionsCommand,
} from '@aws-sdk/client-sfn';
import { nameOf } from '../../functions/engine/errors.ts';
import { executionArn } from '../../functions/engine/ledger/execution-names.ts';
import type { System } from './system.ts';

/** An execution as Step Functions describes it; undefined if it knows none of this ARN. */
export async function describe(
  { sfn }: System,
  executionArn: string,
): Promise<DescribeExecutionOutput | undefined> {
  try {
    return await sfn.send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if (nameOf(error) === 'ExecutionDoesNotExist') {
      return undefined;
    }
    throw error;
  }
}

/** An execution that must be there: one that began a moment ago may take a moment to be known. */
export async function describeSoon(system: System, arn: string): Promise<DescribeExecutionOutput> {
  for (let asks = 1; asks < 10; asks += 1) {
    const found = await describe(system, arn);
    if (found !== undefined) {
      return found;
    }
    await sleep(asks * 200); // 9 s in all
  }
  throw new Error(`Step Functions knows no execution ${arn}`);
}

export async function statusOf(system: System, arn: string): Promise<ExecutionStatus | undefined> {
  return (await describe(system, arn))?.status;
}

/** The ARN of a run by its name. */
export function runArn({ machineArn }: System, name: string): string {
  return executionArn(machineArn, name);
}

/** The machine's executions, latest first, at most so many. */
export async function latest(
  { sfn, machineArn }: System,
  most: number,
): Promise<readonly ExecutionListItem[]> {
  const list = new ListExecutionsCommand({ stateMachineArn: machineArn, maxResults: most });
  return (await sfn.send(list)).executions ?? [];
}

/** The executions that run now, the earliest first: one, unless another was started that will be refused. */
export async function underWay(system: System): Promise<readonly DescribeExecutionOutput[]> {
  const { sfn, machineArn } = system;
  const list = new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'RUNNING' });
  const { executions = [] } = await sfn.send(list);
  // The list may be some seconds old.
  const now = await Promise.all(executions.map((each) => describe(system, each.executionArn as string)));
  return now.flatMap((each) => (each?.status === 'RUNNING' ? [each] : [])).reverse();
}

/** The execution that goes on for one that handed over; undefined for the last part of a run. */
export function continuedBy({ status, output }: DescribeExecutionOutput): string | undefined {
  if (status !== 'SUCCEEDED' || output === undefined) {
    return undefined;
  }
  return (JSON.parse(output) as { readonly continued_by?: string } | null)?.continued_by;
}

/** The last part of a run, as far as it has come. */
export async function lastLink(
  system: System,
  execution: DescribeExecutionOutput,
): Promise<DescribeExecutionOutput> {
  const next = continuedBy(execution);
  return next === undefined ? execution : lastLink(system, await describeSoon(system, next));
}
