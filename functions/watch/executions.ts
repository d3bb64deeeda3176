import {
  DescribeExecutionCommand,
  type ExecutionStatus,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import { ErrorName } from '../contract.ts';
import { requestOf, wasRefused } from '../engine/ledger/execution-purpose.ts';

/** The executions of a machine that run, by their ARNs: a hundred at most, the latest, which is many times what may run at once. */
export async function running(sfn: SFNClient, machineArn: string): Promise<readonly string[]> {
  const list = new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'RUNNING' });
  const { executions = [] } = await sfn.send(list);
  return executions.map(({ executionArn }) => executionArn as string);
}

/** Some minutes, in milliseconds since 1970: from the one, before the other. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

/** How an execution ends that nobody has ended. */
const failures = ['FAILED', 'TIMED_OUT'] as const satisfies readonly ExecutionStatus[];

/**
 * The executions of a machine that failed or timed out within a window, by their ARNs. Step Functions lists them by when they began: of
 * each kind the latest hundred are looked at.
 */
export async function failedIn(
  sfn: SFNClient,
  machineArn: string,
  { from, until }: Window,
): Promise<readonly string[]> {
  const lists = failures.map((statusFilter) =>
    sfn.send(new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter })),
  );
  return (await Promise.all(lists)).flatMap(({ executions = [] }) =>
    executions.flatMap(({ executionArn, stopDate }) => {
      const ended = stopDate?.getTime() ?? 0;
      return executionArn !== undefined && ended >= from && ended < until ? [executionArn] : [];
    }),
  );
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
