import { setTimeout as timer } from 'node:timers/promises';

/** Thrown through the interpreter when the execution has ended, or a sibling branch has failed: nothing may follow. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}

/** The longest timer of Node, in milliseconds: 2^31 - 1, which is 24.8 days. A Wait may last years. */
const maxTimerMs = 2_147_483_647;

/**
 * Waits.
 *
 * @throws the signal's reason as soon as it is aborted.
 */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0; left -= maxTimerMs) {
    signal.throwIfAborted(); // before there is a timer whose rejection nobody would handle
    await unlessAborted(signal, timer(Math.min(left, maxTimerMs), undefined, { signal }));
  }
}

/**
 * Waits for `promise`, and returns what it resolves to.
 *
 * @throws what the promise rejects with, or the signal's reason when it is aborted first.
 */
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
    signal.throwIfAborted(); // the promise may have listened to the signal as well, and rejected first
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
