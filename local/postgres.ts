import { join } from 'node:path';
import { findBinaries, installBinaries } from './postgres/binaries.ts';
import type { Cluster } from './postgres/cluster.ts';
import { type Connection, connectionTo, urlOf } from './postgres/connection.ts';
import { lockDatabase } from './postgres/database-lock.ts';
import { prepareFolders } from './postgres/folders.ts';
import { initializeData } from './postgres/initdb.ts';
import { ensureRunning, shutDown } from './postgres/server.ts';

export interface PostgresOptions {
  /**
   * Path for data, log and programs, made when missing. For root another folder takes its place: see
   * `Postgres.folder`.
   */
  readonly folder: string;
  /** On by default. Off, a crash of the machine can lose the data, and writing is faster: for tests. */
  readonly fsync?: boolean;
}

/** A running PostgreSQL of our own. */
export interface Postgres {
  /** The superuser's connection to the database `postgres`, over a socket. */
  readonly connection: Connection;
  /** The same connection as a URL. */
  readonly url: string;
  /** The folder that really has the files. */
  readonly folder: string;
  /** Stops the server and waits for its end. A second call does nothing. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL, or takes over the server that a killed process left running. It listens on a socket
 * that only its owner can reach, so it needs no port and no password.
 *
 * @throws when the npm package has no PostgreSQL for this platform, when another process uses the same folder (named
 *   in the message), and when the server does not start (with the end of its log).
 */
export async function startPostgres({ folder, fsync = true }: PostgresOptions): Promise<Postgres> {
  const binaries = await findBinaries();
  const folders = await prepareFolders(folder);
  const programs = await installBinaries(binaries, folders.root);
  const majorVersion = Number.parseInt(binaries.version, 10);
  const data = join(folders.root, `data-${majorVersion}`);
  const cluster: Cluster = { folders, programs, data, fsync };

  await initializeData(cluster);
  const pid = await ensureRunning(cluster);
  const connection = connectionTo(cluster);
  const lock = await lockDatabase(connection);

  // A process that exits without a stop takes the server along. One that is killed leaves it to the next start.
  const stopOnExit = () => interrupt(pid);
  process.once('exit', stopOnExit);
  const stop = async () => {
    await lock.release();
    await shutDown(cluster, pid);
    process.removeListener('exit', stopOnExit);
  };
  let stopped: Promise<void> | undefined;
  return {
    connection,
    url: urlOf(connection),
    folder: folders.root,
    stop: () => (stopped ??= stop()),
  };
}

function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // The server is gone already.
  }
}
