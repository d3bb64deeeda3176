import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { port } from './connection.ts';
import { commandLine } from './processes.ts';

/** The id of the server's main process, the postmaster; undefined when no server runs on this cluster's data. */
export async function postmasterPid(cluster: Cluster): Promise<number | undefined> {
  const pid = await pidIn(lockFileOf(cluster.data));
  return pid !== undefined && (await isPostmaster(cluster, pid)) ? pid : undefined;
}

/**
 * Removes the lock files of a server that is gone. After a crash or a reboot their process id may belong to any other
 * process, and PostgreSQL refuses to start when that process is of the same user.
 */
export async function removeStaleLockFiles(cluster: Cluster): Promise<void> {
  const { data, folders } = cluster;
  for (const file of [lockFileOf(data), join(folders.socket, `.s.PGSQL.${port}.lock`)]) {
    const pid = await pidIn(file);
    if (pid === undefined || (await isPostmaster(cluster, pid))) {
      continue;
    }
    const isStillThere = (await pidIn(file)) === pid; // another process may have started the server meanwhile
    if (isStillThere) {
      await unlink(file);
    }
  }
}

function lockFileOf(data: string): string {
  return join(data, 'postmaster.pid');
}

/** The process id in a lock file's first line. */
async function pidIn(lockFile: string): Promise<number | undefined> {
  try {
    const pid = Number((await readFile(lockFile, 'utf8')).split('\n')[0]);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Asks the operating system, because a lock file alone does not say whether its process is still a server. */
async function isPostmaster({ data }: Cluster, pid: number): Promise<boolean> {
  return (await commandLine(pid)).includes(`postgres -D ${data} `);
}
