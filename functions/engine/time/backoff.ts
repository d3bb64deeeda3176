/**
 * How often in a row a batch is tried again: 0.25 s, doubled up to 10 s, makes 36 s in all at most. Then Step Functions waits
 * minutes between its own tries.
 */
export const mostFailures = 9;

/** Seconds to wait after so many failures in a row. */
export function pauseAfter(failures: number): number {
  const most = Math.min(0.25 * 2 ** (failures - 1), 10);
  return between(most / 2, most);
}

/** A time between two by chance, so that two who wait for each other do not meet again. */
export function between(least: number, most: number): number {
  return least + Math.random() * (most - least);
}

/**
 * Seconds until the next look at something that has been waited for so long: a quarter of that again, from ten seconds up to an hour.
 * So nobody waits much longer than what is in the way lasts, and a week of waiting takes some 200 looks.
 */
export function nextLook(waitedSeconds: number): number {
  return Math.min(Math.max(waitedSeconds / 4, 10), 3_600);
}
