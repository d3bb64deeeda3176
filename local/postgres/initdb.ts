import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFolderFor } from './account.ts';
import { type Cluster, processOptions } from './cluster.ts';
import { superuser } from './connection.ts';
import { makeFolderOnce } from './make-folder-once.ts';

const run = promisify(execFile);

/** Creates the cluster's data folder with `initdb`, completely or not at all, unless it exists. */
export async function initializeData(cluster: Cluster): Promise<void> {
  const { folders, programs, data, fsync } = cluster;
  await makeFolderOnce(data, async (temporary) => {
    await createFolderFor(folders.account, temporary);
    const options = [
      `--pgdata=${temporary}`,
      `--username=${superuser}`,
      '--auth=trust', // only the socket's owner and root can reach it
      '--encoding=UTF8',
      // The same order and case rules on every machine, without the system's locales (macOS has no C.UTF-8).
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(fsync ? [] : ['--no-sync']),
    ];
    await run(join(programs, 'initdb'), options, processOptions(cluster));
  });
}
