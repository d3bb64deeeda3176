import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { lastLines, logSize } from './log.ts';
import { isAlive, makeOnce } from './make-once.ts';
import { createFolderFor, type Place } from './place.ts';
import { port, removeStaleLocks, runningPid } from './postmaster.ts';

/** One cluster: its programs, its data, and where its files are. */
export interface Cluster {
  readonly place: Place;
  readonly programs: string;
  readonly data: string;
  readonly fsync: boolean;
}

const superuser = 'postgres';

const run = promisify(execFile);

/** Creates the cluster's data folder, completely or not at all. */
export async function initialize({ place, programs, data, fsync }: Cluster): Promise<void> {
  await makeOnce(data, async (temporary) => {
    await createFolderFor(place.account, temporary);
    const settings = [
      `--pgdata=${temporary}`,
      `--username=${superuser}`,
      '--auth=trust', // whoever reaches the socket is its owner, or root
      '--encoding=UTF8',
      // The same order and case rules on every machine, without the system's locales (macOS has no C.UTF-8).
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(fsync ? [] : ['--no-sync']),
    ];
    await run(join(programs, 'initdb'), settings, processOptions(place));
  });
}

/** Starts the server unless it runs, waits until it takes connections, and returns the postmaster's process id. */
export async function ensureRunning(cluster: Cluster): Promise<number> {
  await removeStaleLocks(cluster);
  let started: Started | undefined;
  // Crash recovery replays up to max_wal_size (4 GB), which a laptop does in less than two minutes.
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline) {
    const problem = await connectionProblem(connectionTo(cluster.place));
    const pid = await runningPid(cluster);
    if (!problem && pid !== undefined) {
      return pid;
    }
    if (problem === 'nobody listens' && pid === undefined && !isStarting(started)) {
      if (started && !(await mayStartNow(cluster, started))) {
        throw await failure(cluster, started, 'PostgreSQL does not start');
      }
      started = await startServer(cluster);
    }
    await sleep(50);
  }
  started?.child.kill('SIGINT');
  throw await failure(cluster, started, 'PostgreSQL did not take connections within two minutes');
}

/** Shuts the server down: clients are disconnected, a checkpoint is written. */
export async function shutDown(cluster: Cluster, pid: number): Promise<void> {
  if (isAlive(pid)) {
    process.kill(pid, 'SIGINT'); // PostgreSQL's "fast" shutdown
  }
  while (isAlive(pid) && (await runningPid(cluster)) === pid) {
    await sleep(20);
  }
}

/** A connection, complete: what it left out, `pg` would take from variables like PGPORT and PGSSLMODE. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly ssl: false;
}

/** The connection for the superuser, over the private socket. */
export function connectionTo(place: Place): Connection {
  return { host: place.socketFolder, port, user: superuser, database: 'postgres', ssl: false };
}

/** A server process of ours, and where in the log its lines begin. */
interface Started {
  readonly child: ChildProcess;
  readonly logged: number;
}

function isStarting(started: Started | undefined): boolean {
  return started !== undefined && started.child.exitCode === null && started.child.signalCode === null;
}

async function startServer(cluster: Cluster): Promise<Started> {
  const { place, programs, data } = cluster;
  const logged = await logSize(place.log);
  const log = await open(place.log, constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY, 0o600);
  const arguments_ = ['-D', data, '-k', place.socketFolder, '-p', String(port)];
  for (const [name, value] of Object.entries(settings(cluster))) {
    arguments_.push('-c', `${name}=${value}`);
  }
  const child = spawn(join(programs, 'postgres'), arguments_, {
    ...processOptions(place),
    stdio: ['ignore', log.fd, log.fd],
    // A session of its own: Ctrl-C in a terminal must reach us, who then end things in order, and not the server.
    detached: true,
  });
  await once(child, 'spawn'); // or it throws: no such program, or no right to run it
  child.unref();
  await log.close();
  return { child, logged };
}

function settings({ fsync }: Cluster): Record<string, string> {
  return {
    listen_addresses: '', // only the socket: no port that could be taken, or found by others
    unix_socket_permissions: '0700',
    timezone: 'UTC', // as Aurora
    log_timezone: 'UTC',
    max_connections: '200', // 40 for an endpoint, 5 for a test's database, and several of both at once
    shared_buffers: '256MB',
    // Bulk loads of the demo and the benchmark write gigabytes: checkpoints by the clock, spread out, not by volume.
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
  };
}

function processOptions({ account, folder }: Place) {
  // spawn takes signed ids: nobody is -2 on macOS.
  const identity = account && { uid: account.uid | 0, gid: account.gid | 0 };
  // The checkout may be closed to the account, so it must not be the working directory.
  return { cwd: folder, env: { LC_ALL: 'C', PATH: process.env.PATH }, ...identity };
}

/** Why no connection can be had just now, or undefined when it can. */
async function connectionProblem(
  connection: pg.ClientConfig,
): Promise<'nobody listens' | 'not ready' | undefined> {
  const client = new pg.Client(connection);
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') {
      return 'nobody listens';
    }
    // 57P03: it starts up, recovers or shuts down. A connection that ends without a word: it went down meanwhile.
    if (code === '57P03' || code === 'ECONNRESET' || code === undefined) {
      return 'not ready';
    }
    throw error;
  }
}

/** Somebody else started the same cluster first and has gone since, or the last server's children are still going down. */
async function mayStartNow({ place }: Cluster, { logged }: Started): Promise<boolean> {
  const lines = await lastLines(place.log, logged);
  return lines.some((line) =>
    /FATAL: .*(pre-existing shared memory block|lock file .* already exists)/.test(line),
  );
}

async function failure({ place }: Cluster, started: Started | undefined, what: string): Promise<Error> {
  const lines = await lastLines(place.log, started?.logged ?? 0);
  return new Error([`${what}; the end of ${place.log}:`, ...lines].join('\n  '));
}
