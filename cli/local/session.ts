import { createWriteStream, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LocalApplication } from '../../local/application.ts';
import { startDatabase } from '../../local/database.ts';
import { type Runtime, startRuntime } from '../../local/runtime.ts';
import type { Io } from '../command/io.ts';
import type { LocalSession } from '../system/session-file.ts';

export interface SessionOptions {
  readonly fresh: boolean;
  readonly sfnPort?: number;
  readonly rdsDataPort?: number;
  readonly pagePort?: number;
}

/** The local runtime on the application's data, for as long as a command lasts. */
export interface Session {
  readonly runtime: Runtime;
  /** Where the functions write. */
  readonly log: string;
  /** Resolves when somebody wants the command to end: Ctrl-C, or a signal to terminate. */
  readonly interrupted: Promise<void>;
  close(): Promise<void>;
}

/** What clients need to reach it. */
export function sessionOf({ stepFunctions, rdsData, clientEnvironment, credentials }: Runtime): LocalSession {
  return {
    pid: process.pid,
    region: clientEnvironment.AWS_REGION as string,
    endpoints: { stepFunctions: stepFunctions.url, rdsData: rdsData.url },
    credentials,
  };
}

const folder = fileURLToPath(new URL('../../.local/', import.meta.url));

/** Brings all of it up: database, data, endpoints, machines, functions. */
export async function startSession(
  io: Io,
  application: LocalApplication,
  options: SessionOptions,
): Promise<Session> {
  // From the beginning: what has been started is always stopped, also when Ctrl-C comes in between.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      // Each time, since npm passes on what the terminal has sent already: a second one must not end the process in the middle of stopping.
      process.on(signal, () => resolve());
    }
  });
  mkdirSync(folder, { recursive: true });
  const database = await startDatabase(io.env.DATABASE_URL, `${folder}postgres`);
  try {
    await application.prepare(database.connection, options.fresh);
    const log = `${folder}functions.log`;
    const sink = createWriteStream(log);
    const runtime = await startRuntime({
      application,
      connection: application.connection(database.connection),
      outdir: `${folder}cdk.out`,
      log: (line) => sink.write(`${line}\n`),
      ...(options.sfnPort !== undefined && { sfnPort: options.sfnPort }),
      ...(options.rdsDataPort !== undefined && { rdsDataPort: options.rdsDataPort }),
    });
    return {
      runtime,
      log,
      interrupted,
      async close() {
        await runtime.close();
        sink.end();
        await database.stop();
      },
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}
