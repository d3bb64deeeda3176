import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalApplication } from '../../local/application.ts';
import { onSearchPath, startDatabase } from '../../local/database.ts';
import { type Runtime, startRuntime } from '../../local/runtime.ts';
import type { Io } from '../command/io.ts';
import { localFolder, type Project } from '../project.ts';
import type { LocalSession } from '../system/session-file.ts';

export interface SessionOptions {
  readonly fresh?: boolean;
  readonly sfnPort?: number;
  readonly rdsDataPort?: number;
  readonly pagePort?: number;
}

/** The local runtime on the application's data, for as long as a command lasts. */
export interface Session {
  readonly application: LocalApplication;
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

/** Brings all of it up: database, data, endpoints, machines, functions. It works in the folder of the project, as `cdk` does. */
export async function startSession(
  io: Io,
  { root, config }: Project,
  options: SessionOptions,
): Promise<Session> {
  io.err.write('Starting PostgreSQL, the RDS Data API, Step Functions and the Lambdas on this machine\n');
  process.chdir(root);
  const application = await config.application();
  // From the beginning: what has been started is always stopped, also when Ctrl-C comes in between.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      // Each time, since npm passes on what the terminal has sent already: a second one must not end the process in the middle of stopping.
      process.on(signal, () => resolve());
    }
  });
  const folder = localFolder();
  mkdirSync(folder, { recursive: true });
  const database = await startDatabase(io.env.DATABASE_URL, join(folder, 'postgres'));
  // Not in the project's folder: another session, on another database, may be bundling at the same moment.
  const assembly = mkdtempSync(join(tmpdir(), 'data-migrations-'));
  const removeAssembly = () => rmSync(assembly, { recursive: true, force: true });
  try {
    const { url, isEmbedded, connection } = database;
    await application.prepare?.({ url, isEmbedded, fresh: options.fresh ?? false });
    const log = join(folder, 'functions.log');
    const sink = createWriteStream(log);
    const runtime = await startRuntime({
      application,
      connection: onSearchPath(connection, application.searchPath),
      outdir: assembly,
      log: (line) => sink.write(`${line}\n`),
      ...(options.sfnPort !== undefined && { sfnPort: options.sfnPort }),
      ...(options.rdsDataPort !== undefined && { rdsDataPort: options.rdsDataPort }),
    });
    return {
      application,
      runtime,
      log,
      interrupted,
      async close() {
        await runtime.close();
        sink.end();
        await database.stop();
        removeAssembly();
      },
    };
  } catch (error) {
    await database.stop();
    removeAssembly();
    throw error;
  }
}
