import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { ResultMap, RunInput } from '../functions/contract.ts';
import { executionArn, executionName } from '../functions/engine/ledger/execution-names.ts';
import { defaultMachineName } from '../infra/deployment.ts';
import type { LocalApplication } from '../local/application.ts';
import { localApplication } from './application.ts';
import { interruptedByUser } from './command/command.ts';
import type { Io } from './command/io.ts';
import { type Session, sessionOf, startSession } from './local/session.ts';
import { start } from './system/start.ts';
import { findSystem } from './system/system.ts';
import { endedText, follow, printEnd } from './system/wait.ts';

/** `npm start`: runs every migration on the demo's data, waits for the rebuild, prints the run's output. */
export async function npmStart(io: Io, { fresh }: { readonly fresh: boolean }): Promise<number> {
  io.err.write('Starting PostgreSQL, the RDS Data API, Step Functions and the Lambdas on this machine\n');
  const application = await localApplication();
  const session = await startSession(io, application, { fresh });
  try {
    return (await Promise.race([run(io, application, session), session.interrupted])) ?? interruptedByUser;
  } finally {
    await session.close();
  }
}

const input: RunInput = { mode: 'foreground' };

async function run(
  io: Io,
  application: LocalApplication,
  { runtime, log }: Session,
): Promise<number | undefined> {
  const system = await findSystem(
    io,
    { machine: defaultMachineName },
    application.migrations,
    sessionOf(runtime),
  );
  io.err.write(`Running with ${JSON.stringify(input)}: rests and maintenance windows are skipped\n`);
  try {
    const migrated = await follow(system, await start(system, input));
    if (migrated === undefined) {
      return undefined;
    }
    const code = printEnd(system, migrated);
    let isDone = code === 0;
    for (const job of declared(migrated)) {
      const arn = executionArn(
        runtime.followUps[job] as string,
        executionName(migrated.executionArn as string),
      );
      const database = await system.database();
      const followUp = await follow(system, arn, () => application.followUpProgress(database, arn));
      if (followUp?.status === 'SUCCEEDED') {
        continue;
      }
      if (followUp) {
        io.err.write(endedText(followUp));
      }
      isDone = false;
    }
    if (isDone) {
      return 0;
    }
    io.err.write(`What the functions said: ${log}\n`);
    return 1;
  } finally {
    system.close();
  }
}

/** The follow-up jobs that the run has started. */
function declared({ output }: DescribeExecutionOutput): readonly string[] {
  const jobs = output === undefined ? undefined : (JSON.parse(output) as ResultMap).next_jobs;
  return Array.isArray(jobs) ? jobs : [];
}
