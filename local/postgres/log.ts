import { readFile, stat, truncate } from 'node:fs/promises';

/** Where the next line will begin. */
export async function logSize(log: string): Promise<number> {
  const { size } = await stat(log).catch(() => ({ size: 0 }));
  if (size < 10_000_000) {
    return size; // weeks of it; nobody reads further back
  }
  await truncate(log);
  return 0;
}

/** The last lines since then. */
export async function lastLines(log: string, from: number): Promise<string[]> {
  const text = await readFile(log).catch(() => Buffer.alloc(0));
  return text.subarray(from).toString('utf8').trimEnd().split('\n').slice(-12);
}
