import { readFile, stat, truncate } from 'node:fs/promises';

/** A log of 10 MB holds weeks, and nobody reads further back. */
const maxLogBytes = 10_000_000;

/** Enough lines to show why a server did not start, few enough for an error message. */
const linesShown = 12;

/** The log's size in bytes, which is where its next line will begin. Empties a log that has grown too long. */
export async function logEnd(log: string): Promise<number> {
  const { size } = await stat(log).catch(() => ({ size: 0 }));
  if (size < maxLogBytes) {
    return size;
  }
  await truncate(log);
  return 0;
}

/** The log's last lines, at most 12, none from before byte `from`. Without a log there is one empty line. */
export async function lastLines(log: string, from: number): Promise<string[]> {
  const text = await readFile(log).catch(() => Buffer.alloc(0));
  return text.subarray(from).toString('utf8').trimEnd().split('\n').slice(-linesShown);
}
