import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Caller, MigrateRequest, ResultMap, RunInput } from '../functions/contract.ts';
import type { Runtime } from '../local/runtime.ts';
import { processorSeconds } from './machine.ts';

// Each look takes some milliseconds of the processors that the run needs. When it ended, the execution itself says.
const betweenLooks = 100;

/** One run through the whole chain. */
export interface ChainRun {
  readonly seconds: number;
  readonly transitions: number;
  readonly peakMemoryBytes: number;
  /** What its migrations took for their batches, without what begins and ends a run. */
  readonly batchSeconds: number;
  /** What all processors were at work for it: of the database, the Data API and the function. */
  readonly processorSeconds: number;
}

/** Starts the machine as a pipeline would and waits for its end. */
export async function runMachine(runtime: Runtime, input: RunInput = {}): Promise<ChainRun> {
  const sfn = new SFNClient({
    endpoint: runtime.stepFunctions.url,
    region: runtime.clientEnvironment.AWS_REGION as string,
    credentials: runtime.credentials,
  });
  runtime.migrate.resetPeak();
  const worked = processorSeconds();
  const start = new StartExecutionCommand({
    stateMachineArn: runtime.migrationsMachineArn,
    input: JSON.stringify(input),
  });
  const { executionArn } = await sfn.send(start);
  let [seconds, batchSeconds] = [0, 0];
  for (;;) {
    const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    const { status, error, cause, output, startDate, stopDate } = described;
    if (status !== 'RUNNING') {
      if (status !== 'SUCCEEDED') {
        throw new Error(`the run ended ${status}: ${error} ${cause}`);
      }
      const results = Object.values(JSON.parse(output ?? '{}') as ResultMap);
      batchSeconds = results.reduce(
        (sum, result) =>
          sum + (typeof result === 'object' && 'duration_seconds' in result ? result.duration_seconds : 0),
        0,
      );
      seconds = (Number(stopDate) - Number(startDate)) / 1_000;
      break;
    }
    await sleep(betweenLooks);
  }
  return {
    seconds,
    transitions: runtime.stepFunctions.transitions(executionArn as string),
    peakMemoryBytes: runtime.migrate.peakMemoryBytes(),
    batchSeconds,
    processorSeconds: processorSeconds() - worked,
  };
}

/** Seconds that `pending?` takes for a migration, the median of several calls of the deployed function. */
export async function pendingSeconds(runtime: Runtime, migration: string): Promise<number> {
  const executions = runtime.migrationsMachineArn.replace(':stateMachine:', ':execution:');
  const run: Caller = { execution_arn: `${executions}:bench-${Date.now()}`, redrive_count: 0, part: 1 };
  const ask = async (request: MigrateRequest): Promise<unknown> => {
    const outcome = await runtime.migrate.invoke(request);
    if (outcome.status !== 'succeeded') {
      throw new Error(JSON.stringify(outcome));
    }
    return outcome.payload;
  };
  await ask({ operation: 'open', run, input: {} });
  const seconds: number[] = [];
  for (let i = 0; i < 15; i += 1) {
    const begun = performance.now();
    const answer = (await ask({ operation: 'pending', run, migration })) as { state: string };
    seconds.push((performance.now() - begun) / 1_000);
    if (answer.state !== 'skipped') {
      throw new Error(`${migration} should be finished, but is ${answer.state}`);
    }
  }
  await ask({ operation: 'close', run });
  return median(seconds);
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
