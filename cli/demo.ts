import { setTimeout as sleep } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { ResultMap } from '../functions/contract.ts';
import { executionArn, executionName } from '../functions/engine/runs.ts';
import { progressOn, readSteps } from './progress.ts';
import { type Io, type Session, startSession } from './session.ts';

/** `npm start`: runs every migration on the demo's data, waits for the rebuild, prints the run's output. */
export async function demo(io: Io, { fresh }: { readonly fresh: boolean }): Promise<number> {
  io.err.write('Starting PostgreSQL, the RDS Data API, Step Functions and the Lambdas on this machine\n');
  const session = await startSession(io, { fresh });
  try {
    return (await Promise.race([run(io, session), session.interrupted])) ?? interruptedByUser;
  } finally {
    await session.close();
  }
}

// As a shell reports a process that SIGINT ended: 128 + 2.
const interruptedByUser = 130;

async function run(io: Io, { runtime, log }: Session): Promise<number> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const region = runtime.clientEnvironment.AWS_REGION as string;
  const sfn = new SFNClient({ region, credentials, endpoint: runtime.stepFunctions.url });
  const client = new RDSDataClient({ region, credentials, endpoint: runtime.rdsData.url });

  const start = new StartExecutionCommand({ stateMachineArn: runtime.migrationsMachineArn, input: '{}' });
  const run = (await sfn.send(start)).executionArn as string;
  const rebuild = executionArn(runtime.rebuildMachineArn, executionName(run));
  const progress = progressOn(io.err);
  const look = async () => progress.show(await readSteps({ client, ...runtime }, run, rebuild));

  const migrated = await ended(sfn, run, look);
  const output = migrated.output === undefined ? undefined : (JSON.parse(migrated.output) as ResultMap);
  const rebuilt = output?.next_jobs ? await ended(sfn, rebuild, look) : undefined;
  await look();
  progress.stop();

  if (output !== undefined) io.out.write(`${JSON.stringify(output, null, 2)}\n`);
  for (const execution of [migrated, rebuilt]) {
    if (execution === undefined || execution.status === 'SUCCEEDED') continue;
    io.err.write(`${failureOf(execution)}\nWhat the functions said: ${log}\n`);
    return 1;
  }
  return 0;
}

async function ended(
  sfn: SFNClient,
  executionArn: string,
  look: () => Promise<void>,
): Promise<DescribeExecutionOutput> {
  for (;;) {
    await look();
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (execution.status !== 'RUNNING') return execution;
    await sleep(200);
  }
}

function failureOf({ executionArn, status, error, cause }: DescribeExecutionOutput): string {
  return [`${executionArn} ended ${status}`, error, cause].filter(Boolean).join('\n');
}
