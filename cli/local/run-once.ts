import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { ResultMap, RunInput } from '../../functions/contract.ts';
import { executionArn, executionName } from '../../functions/engine/ledger/execution-names.ts';
import { defaultMachineName } from '../../infra/deployment.ts';
import { interruptedByUser } from '../command/command.ts';
import type { Io } from '../command/io.ts';
import type { Project } from '../project.ts';
import { start } from '../system/start.ts';
import { findSystem } from '../system/system.ts';
import { endedText, follow, printEnd } from '../system/wait.ts';
import { type Session, type SessionOptions, sessionOf, startSession } from './session.ts';

/** Runs every migration of a project on this machine, waits for the follow-up jobs, and prints the run's output. */
export async function runOnce(io: Io, project: Project, options: SessionOptions): Promise<number> {
  const session = await startSession(io, project, options);
  try {
    return (await Promise.race([run(io, session), session.interrupted])) ?? interruptedByUser;
  } finally {
    await session.close();
  }
}

const input: RunInput = { mode: 'foreground' };

async function run(io: Io, { application, runtime, log }: Session): Promise<number | undefined> {
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
      const followUp = await follow(
        system,
        arn,
        async () => (await application.followUpProgress?.(database, arn)) ?? [],
      );
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
