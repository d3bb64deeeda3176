import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive } from './processes.ts';

/**
 * Makes a folder completely or not at all, unless it exists: `make` fills a temporary folder beside it, which is then
 * renamed. When two processes race, the slower one throws its work away. What a killed process left half done is
 * removed by the next process that makes the folder.
 */
export async function makeFolderOnce(
  folder: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  if (existsSync(folder)) {
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
    if (!existsSync(folder)) {
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
    const inTheMaking = pid !== process.pid && isAlive(pid);
    if (!inTheMaking) {
      await rm(join(dirname(folder), name), { recursive: true, force: true });
    }
  }
}
