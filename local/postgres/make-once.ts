import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes a folder completely or not at all: `make` fills a temporary neighbour, which is then renamed. Whoever is second
 * in a race throws its own away. What a killed process left half done is removed by the next one that needs to make it.
 */
export async function makeOnce(folder: string, make: (temporary: string) => Promise<void>): Promise<void> {
  if (await exists(folder)) {
    return;
  }
  await mkdir(dirname(folder), { recursive: true });
  await removeLeftovers(folder);
  const temporary = `${folder}.new-${process.pid}`;
  try {
    await make(temporary);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(folder))) {
      throw error;
    }
  }
}

async function removeLeftovers(folder: string): Promise<void> {
  const prefix = `${basename(folder)}.new-`;
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix)) {
      continue;
    }
    const pid = Number(name.slice(prefix.length));
    if (pid !== process.pid && isAlive(pid)) {
      continue;
    }
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Whether a process has this id, ours to signal or not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
