import { execFile } from 'node:child_process';
import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Place } from './place.ts';

/** Nothing listens on it: it is a part of the socket's name. Fixed, because PGPORT may be set to another. */
export const port = 5432;

interface Owned {
  readonly place: Place;
  readonly data: string;
}

const run = promisify(execFile);

/**
 * After a crash, or a reboot, the pid in a lock file may belong to any other process, and PostgreSQL then refuses to start
 * if that process is of the same user.
 */
export async function removeStaleLocks(cluster: Owned): Promise<void> {
  const { data, place } = cluster;
  for (const lock of [join(data, 'postmaster.pid'), join(place.socketFolder, `.s.PGSQL.${port}.lock`)]) {
    const pid = await pidIn(lock);
    if (pid === undefined || (await isPostmaster(cluster, pid))) {
      continue;
    }
    if ((await pidIn(lock)) === pid) {
      await unlink(lock);
    }
  }
}

/** The postmaster that runs on this data, by its own file and by what the system says of that process. */
export async function runningPid(cluster: Owned): Promise<number | undefined> {
  const pid = await pidIn(join(cluster.data, 'postmaster.pid'));
  return pid !== undefined && (await isPostmaster(cluster, pid)) ? pid : undefined;
}

async function isPostmaster({ data }: Owned, pid: number): Promise<boolean> {
  return (await commandLine(pid)).includes(`postgres -D ${data} `);
}

async function pidIn(lock: string): Promise<number | undefined> {
  try {
    const pid = Number((await readFile(lock, 'utf8')).split('\n')[0]);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** A process's command line; empty when there is no such process, or only what is left of a dead one. */
async function commandLine(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    }
    return (await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)])).stdout;
  } catch {
    return '';
  }
}
