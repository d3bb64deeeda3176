import { describe, expect, test } from 'vitest';
import { nextLook } from '../../../functions/engine/time/backoff.ts';
import { defaultSlicesPerExecution } from '../../../infra/deployment.ts';

/** How many looks it takes to wait for so many seconds. */
function looks(seconds: number): number {
  let count = 0;
  for (let waited = 0; waited < seconds; waited += nextLook(waited)) {
    count += 1;
  }
  return count;
}
const day = 86_400;

describe('promise 9: whoever waits looks again ever later', () => {
  test('so that a week of it is less than the slices of one part of a run', () => {
    expect(looks(7 * day)).toBeLessThan(defaultSlicesPerExecution);
  });

  test('so that a year of it stays far from 25,000 events in every part, and in the execution that waits for them', () => {
    // What a slice and a part take, long-waits.test.ts sees in the histories of real runs.
    const parts = Math.ceil(looks(365 * day) / defaultSlicesPerExecution);
    expect(parts).toBeLessThan(40);
    expect(parts * 8 + defaultSlicesPerExecution * 9).toBeLessThan(5_000);
  });

  test('and no later than a quarter of the time that it has waited, or ten seconds', () => {
    for (const waited of [0, 10, 60, 600, 3_600, 10 * 3_600]) {
      expect(nextLook(waited)).toBeGreaterThanOrEqual(10);
      expect(nextLook(waited)).toBeLessThanOrEqual(Math.max(10, waited / 4));
    }
  });
});
