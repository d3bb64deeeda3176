import { join } from 'node:path';
import { findBinaries, installBinaries } from './postgres/binaries.ts';
import { claimDatabase } from './postgres/claim.ts';
import { preparePlace } from './postgres/place.ts';
import {
  type Cluster,
  type Connection,
  connectionTo,
  ensureRunning,
  initialize,
  shutDown,
} from './postgres/server.ts';

export interface PostgresOptions {
  /** For the data, the log and the programs. As root another folder stands in for it: see `Postgres.folder`. */
  readonly folder: string;
  /** Off, a crash of the machine can lose the data: for tests. On by default. */
  readonly fsync?: boolean;
}

/** A running PostgreSQL of our own. */
export interface Postgres {
  readonly connection: Connection;
  readonly url: string;
  /** Where its files really are. */
  readonly folder: string;
  /** Stops it. Once is enough; more does no harm. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL, or goes on with the one that a killed process left running. Only one process at a time
 * has it: a second start fails and names the first. It listens on a socket that only its owner can reach.
 */
export async function startPostgres({ folder, fsync = true }: PostgresOptions): Promise<Postgres> {
  const binaries = await findBinaries();
  const place = await preparePlace(folder);
  const programs = await installBinaries(binaries, place.folder);
  const data = join(place.folder, `data-${Number.parseInt(binaries.version, 10)}`);
  const cluster: Cluster = { place, programs, data, fsync };

  await initialize(cluster);
  const pid = await ensureRunning(cluster);
  const connection = connectionTo(place);
  const claim = await claimDatabase(connection);

  // A process that exits without stopping it takes it along all the same; one that is killed leaves it to the next start.
  const interrupt = () => signal(pid);
  process.once('exit', interrupt);
  const stop = async () => {
    await claim.release();
    await shutDown(cluster, pid);
    process.removeListener('exit', interrupt);
  };
  let stopped: Promise<void> | undefined;
  return {
    connection,
    url: urlOf(connection),
    folder: place.folder,
    stop: () => (stopped ??= stop()),
  };
}

function urlOf({ host, port, user, database }: Connection): string {
  return `postgresql://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}&sslmode=disable`;
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // It has gone before us.
  }
}
