// 0.25 s, doubled up to 10 s, makes 36 s of patience; then Step Functions waits minutes between its own tries.
export const mostFailures = 9;

/** Seconds to wait after so many failures in a row that only the moment was to blame for. */
export function pauseAfter(failures: number): number {
  // Half of it by chance, so that two who wait for each other do not meet again.
  return Math.min(0.25 * 2 ** (failures - 1), 10) * (0.5 + Math.random() / 2);
}
