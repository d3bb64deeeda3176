import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  type ExecutionListItem,
  type ExecutionStatus,
  ListExecutionsCommand,
} from '@aws-sdk/client-sfn';
import type { ResultMap, RunInput } from '../../functions/contract.ts';
import { nameOf } from '../../functions/engine/errors.ts';
import { executionArn } from '../../functions/engine/ledger/execution-names.ts';
import { requestOf } from '../../functions/engine/ledger/execution-purpose.ts';
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

/** What a run that succeeded has left to the background: migrations, and the executions in which they go on. */
export function leftToBackground({
  output = '{}',
}: Pick<DescribeExecutionOutput, 'output'>): readonly (readonly [migration: string, execution: string])[] {
  return Object.entries(JSON.parse(output) as ResultMap).flatMap(([name, each]) =>
    typeof each === 'object' && 'state' in each && each.state === 'background'
      ? [[name, each.execution] as const]
      : [],
  );
}

/** A run that is under way. */
export interface UnderWay extends DescribeExecutionOutput {
  readonly request: RunInput;
}

/** The runs that are under way, those in the background included and their parts not, the earliest first. */
export async function allUnderWay(system: System): Promise<readonly UnderWay[]> {
  const { sfn, machineArn } = system;
  const list = new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'RUNNING' });
  const { executions = [] } = await sfn.send(list);
  // The list may be some seconds old.
  const now = await Promise.all(executions.map((each) => describe(system, each.executionArn as string)));
  return now
    .flatMap((each) => {
      const request = each?.status === 'RUNNING' ? requestOf(each) : undefined;
      return each && request ? [{ ...each, request }] : [];
    })
    .reverse();
}

/** The runs that are under way in the foreground: one of a release, and those that were asked for one migration. */
export async function underWay(system: System): Promise<readonly UnderWay[]> {
  return (await allUnderWay(system)).filter(({ request }) => request.background === undefined);
}

/** The execution in which a migration goes on in the background, if it does. */
export async function backgroundOf(system: System, migration: string): Promise<UnderWay | undefined> {
  return (await allUnderWay(system)).find(({ request }) => request.background === migration);
}
