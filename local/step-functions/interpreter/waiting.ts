import { setTimeout as delay } from 'node:timers/promises';

/** Timers take at most 2^31 - 1 ms, 24.8 days; a Wait may last a year. */
const longestTimer = 2_147_483_647;

/** Waits, unless `signal` says that nobody waits any more: then it rejects with its reason. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0; left -= longestTimer) {
    signal.throwIfAborted();
    await unlessAborted(signal, delay(Math.min(left, longestTimer), undefined, { signal }));
  }
}

/** The outcome of `promise`, or the signal's reason if that comes first. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } catch (error) {
    signal.throwIfAborted(); // the promise may have known the signal too
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
