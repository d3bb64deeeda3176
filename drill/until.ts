import { setTimeout as sleep } from 'node:timers/promises';

// Ten times what any of it takes on a busy machine.
const mostSeconds = 60;

/** Waits until something is true. Throws after a minute, with what it was. */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + mostSeconds * 1_000; Date.now() < end; ) {
    if (await isTrue()) {
      return;
    }
    await sleep(20);
  }
  throw new Error(`waited for a minute until ${what}, in vain`);
}
