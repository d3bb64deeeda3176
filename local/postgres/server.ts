import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, processOptions } from './cluster.ts';
import { connectionState, connectionTo } from './connection.ts';
import { lastLines, logEnd } from './log-file.ts';
import { postmasterPid, removeStaleLockFiles } from './postmaster.ts';
import { isAlive } from './processes.ts';
import { commandLineOptions } from './settings.ts';

/**
 * A server may have to recover from a crash: it replays at most max_wal_size (4 GB), which takes a laptop under two
 * minutes.
 */
const startTimeoutMs = 120_000;

/**
 * Starts the server unless it runs already, waits until it takes connections, and returns its process id.
 *
 * @throws an error with the end of the server's log when it does not start, or not within two minutes.
 */
export async function ensureRunning(cluster: Cluster): Promise<number> {
  await removeStaleLockFiles(cluster);
  let started: StartedServer | undefined;
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    const state = await connectionState(connectionTo(cluster));
    const pid = await postmasterPid(cluster);
    if (state === 'connected' && pid !== undefined) {
      return pid;
    }
    if (state === 'no server' && pid === undefined && !isStarting(started)) {
      if (started && !(await foundAnotherServer(cluster, started))) {
        throw await startFailure(cluster, started, 'PostgreSQL does not start');
      }
      started = await startServer(cluster);
    }
    await sleep(50);
  }
  started?.process.kill('SIGINT');
  throw await startFailure(cluster, started, 'PostgreSQL did not take connections within two minutes');
}

/** Shuts the server down and waits for its end. Clients are disconnected, and a checkpoint is written. */
export async function shutDown(cluster: Cluster, pid: number): Promise<void> {
  if (isAlive(pid)) {
    process.kill(pid, 'SIGINT'); // PostgreSQL's "fast" shutdown
  }
  while (isAlive(pid) && (await postmasterPid(cluster)) === pid) {
    await sleep(20);
  }
}

/** A server process that we have started. */
interface StartedServer {
  readonly process: ChildProcess;
  /** Where its lines begin in the log, in bytes. */
  readonly logStart: number;
}

function isStarting(started: StartedServer | undefined): boolean {
  return started !== undefined && started.process.exitCode === null && started.process.signalCode === null;
}

async function startServer(cluster: Cluster): Promise<StartedServer> {
  const { folders, programs } = cluster;
  const logStart = await logEnd(folders.log);
  const log = await open(folders.log, constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY, 0o600);
  const server = spawn(join(programs, 'postgres'), commandLineOptions(cluster), {
    ...processOptions(cluster),
    stdio: ['ignore', log.fd, log.fd],
    // In a session of its own, so that Ctrl-C in a terminal reaches only us, and we end everything in order.
    detached: true,
  });
  await once(server, 'spawn'); // throws when there is no such program, or no right to run it
  server.unref();
  await log.close();
  return { process: server, logStart };
}

/**
 * Whether the server that we started gave up because of another one: another process started the same cluster first
 * and is gone by now, or children of the last server are still ending. Then starting again is worth a try.
 */
async function foundAnotherServer({ folders }: Cluster, { logStart }: StartedServer): Promise<boolean> {
  const lines = await lastLines(folders.log, logStart);
  return lines.some((line) =>
    /FATAL: .*(pre-existing shared memory block|lock file .* already exists)/.test(line),
  );
}

async function startFailure(
  { folders }: Cluster,
  started: StartedServer | undefined,
  message: string,
): Promise<Error> {
  const lines = await lastLines(folders.log, started?.logStart ?? 0);
  return new Error([`${message}; the end of ${folders.log}:`, ...lines].join('\n  '));
}
