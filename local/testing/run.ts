import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeExecutionCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { ResultMap, RunInput } from '../../functions/contract.ts';

/** A run that did not succeed. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';
  /** FAILED, TIMED_OUT or ABORTED. */
  readonly status: string;
  /** The error of the execution: one of `ErrorName`, as a rule. */
  readonly error: string | undefined;
  /** What it says of itself: which migration, what went wrong, what to do. */
  readonly reason: string | undefined;

  constructor(status: string, error: string | undefined, reason: string | undefined) {
    super([`the run ended ${status}`, error, reason].filter(Boolean).join(': '));
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

/** Starts a run and waits for its end. Throws RunFailed unless it succeeds. */
export async function run(sfn: SFNClient, stateMachineArn: string, input: RunInput): Promise<ResultMap> {
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
  );
  for (;;) {
    const { status, output, error, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'SUCCEEDED') {
      return JSON.parse(output ?? '{}') as ResultMap;
    }
    if (status !== 'RUNNING') {
      throw new RunFailed(status ?? 'without a status', error, cause);
    }
    await sleep(20);
  }
}
