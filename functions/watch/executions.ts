import {
  DescribeExecutionCommand,
  type ExecutionListItem,
  type ExecutionStatus,
  GetExecutionHistoryCommand,
  paginateListExecutions,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import { ErrorName } from '../contract.ts';
import { requestOf, wasRefused } from '../engine/ledger/execution-purpose.ts';
import { isWithin, type Window } from './look.ts';

/** The executions of a machine that run, by their ARNs, the latest first. */
export async function running(sfn: SFNClient, machineArn: string): Promise<readonly string[]> {
  const executions = await listed(sfn, machineArn, 'RUNNING');
  return executions.map(({ executionArn }) => executionArn as string);
}

/** How an execution ends that nobody has ended. */
const failures = ['FAILED', 'TIMED_OUT'] as const satisfies readonly ExecutionStatus[];

/** The executions of a machine that failed or timed out within a window, by their ARNs. */
export async function failedIn(
  sfn: SFNClient,
  machineArn: string,
  window: Window,
): Promise<readonly string[]> {
  const lists = failures.map((status) => listed(sfn, machineArn, status));
  return (await Promise.all(lists))
    .flat()
    .filter(({ stopDate }) => isWithin(window, Number(stopDate)))
    .map(({ executionArn }) => executionArn as string);
}

/**
 * All executions of a machine that are in a status. Step Functions lists them by when they began, so those that ended last may stand
 * anywhere: a run of a week that fails stands behind all starts that it had refused. A page of a thousand is mostly all of them.
 */
async function listed(
  client: SFNClient,
  stateMachineArn: string,
  statusFilter: ExecutionStatus,
): Promise<readonly ExecutionListItem[]> {
  const all: ExecutionListItem[] = [];
  const pages = paginateListExecutions({ client, pageSize: 1_000 }, { stateMachineArn, statusFilter });
  for await (const { executions = [] } of pages) {
    all.push(...executions);
  }
  return all;
}

/**
 * Whether an execution of the migrations machine is a run that failed and that nobody has counted, because the function that does so never
 * came to it: its code does not load, say, or it was ended. A start that was refused is no failure, and that of a part is its run's.
 */
export async function failedUnseen(sfn: SFNClient, executionArn: string): Promise<boolean> {
  const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  if (wasRefused(execution) || requestOf(execution) === undefined) {
    return false;
  }
  if (execution.status === 'TIMED_OUT') {
    return true;
  }
  // From the end: ExecutionFailed, FailStateEntered, TaskStateExited, and how the task "Record failure" ended.
  const history = new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 4 });
  const { events = [] } = await sfn.send(history);
  const recorded = events.at(3);
  return recorded?.type !== 'TaskSucceeded' && !isOurs(recorded?.taskFailedEventDetails?.error);
}

/** Whether it is our own code that failed, and so has counted the run. */
const isOurs = (error: string | undefined): boolean =>
  Object.values<string | undefined>(ErrorName).includes(error);
