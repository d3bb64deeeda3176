import { describe, expect, it } from 'vitest';
import type { Pace } from '../../../functions/engine/batch/batch-size.ts';
import { lanesFor } from '../../../functions/engine/lanes/how-many.ts';
import { sharesOf } from '../../../functions/engine/lanes/shares.ts';
import type { Checkpoint } from '../../../functions/engine/ledger/checkpoint.ts';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe('The shares of ranges', () => {
  const cases = [1, 2, 4, 16].flatMap((lanes) =>
    [8, 30, 100, 10_000].map((batches) => [lanes, batches] as const),
  );

  it.each(cases)('add up, and none is too small: %i lanes, %i batches', (lanes, batches) => {
    const shares = sharesOf(lanes, batches);
    expect(sum(shares)).toBeCloseTo(1, 9);
    // Two batches at least, where there are as many.
    expect(Math.min(...shares)).toBeGreaterThan(Math.min(1, 2 / batches) - 1e-9);
    expect(shares.length).toBeLessThan(20 * lanes);
  });

  it.each([2, 4, 16])('let %i lanes end together although some rows take ten times as long', (lanes) => {
    const shares = sharesOf(lanes, 10_000);
    // A tenth of the keys is ten times as expensive; it is somewhere.
    for (const from of [0, 0.3, 0.6, 0.9]) {
      let key = 0;
      const ends = Array.from({ length: lanes }, () => 0);
      for (const share of shares) {
        const dear = Math.max(0, Math.min(key + share, from + 0.1) - Math.max(key, from));
        const next = ends.indexOf(Math.min(...ends));
        ends[next] = (ends[next] ?? 0) + share + 9 * dear;
        key += share;
      }
      expect(sum(ends) / lanes / Math.max(...ends)).toBeGreaterThan(0.7);
    }
  });

  it.each([2, 4, 16])(
    'let %i lanes end together within a sixteenth where all rows cost the same',
    (lanes) => {
      const ends = Array.from({ length: lanes }, () => 0);
      for (const share of sharesOf(lanes, 10_000)) {
        const next = ends.indexOf(Math.min(...ends));
        ends[next] = (ends[next] ?? 0) + share;
      }
      expect(1 / lanes / Math.max(...ends)).toBeGreaterThan(15 / 16);
    },
  );
});

describe('How many lanes there are', () => {
  const at = { pass: 1, conflicted: [], rowsKnown: 1_000_000, totalProcessed: 0 } as unknown as Checkpoint;
  const pace = (busy: number, size = 10_000) =>
    ({ secondsPerRow: 10e-6, busyPerRow: busy * 10e-6, size }) as Pace;
  const learnt = { batches: 10, busy: 0 };

  it.each([
    ['the way costs next to nothing', 0.97, 1],
    ['a tenth of the time is the way', 0.9, 2],
    ['two thirds of the time is the way', 0.34, 3],
    ['nearly all of the time is the way', 0.02, 16],
  ])('by default, where %s', (_, busy, lanes) => {
    expect(lanesFor(at, pace(busy), undefined, learnt)).toBe(lanes);
  });

  it.each([
    ['before it is known what a batch takes', lanesFor(at, pace(0.5), undefined, { batches: 3, busy: 0 })],
    [
      'where this Lambda is at work itself for more than half of the time',
      lanesFor(at, pace(0.5), undefined, { batches: 10, busy: 0.6 }),
    ],
    ['in a sweep', lanesFor({ ...at, pass: 2 }, pace(0.5), 4, learnt)],
    [
      'before rows are taken again that somebody changed',
      lanesFor({ ...at, conflicted: [['1']] }, pace(0.5), 4, learnt),
    ],
    ['for the few batches that are left', lanesFor({ ...at, totalProcessed: 930_000 }, pace(0.5), 4, learnt)],
    ['before the first batch', lanesFor(at, { ...pace(0.5), secondsPerRow: null }, 4, learnt)],
  ])('is one %s', (_, lanes) => {
    expect(lanes).toBe(1);
  });

  it('is what somebody asked for, from the second batch on, if there are batches enough', () => {
    expect(lanesFor(at, pace(0.97), 4, { batches: 1, busy: 1 })).toBe(4);
    expect(lanesFor(at, pace(0.97), 1, learnt)).toBe(1);
    expect(lanesFor({ ...at, totalProcessed: 880_000 }, pace(0.97), 16, learnt)).toBe(3);
  });
});
