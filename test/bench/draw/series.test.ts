import { describe, expect, it } from 'vitest';
import { grouped, inWindows, ratesOver } from '../../../bench/draw/series.ts';

describe('Waits in windows', () => {
  it('have the median, the 99th percentile and the worst of each quarter of a second', () => {
    const waits = Array.from({ length: 200 }, (_, i) => ({ at: i / 400, ms: (i % 100) + 1 }));
    expect(inWindows(waits)).toEqual([
      { at: 0.125, p50: 50, p99: 99, worst: 100 },
      { at: 0.375, p50: 50, p99: 99, worst: 100 },
    ]);
  });

  it('come in the order of time, and there is none for a while without waits', () => {
    const waits = [
      { at: 2, ms: 7 },
      { at: 0, ms: 3 },
    ];
    expect(inWindows(waits).map(({ at, worst }) => [at, worst])).toEqual([
      [0.125, 3],
      [2.125, 7],
    ]);
    expect(inWindows([])).toEqual([]);
  });

  it('are 201 at most, however long it took, and none of the waits is left out', () => {
    const waits = Array.from({ length: 40_000 }, (_, i) => ({ at: i / 10, ms: i }));
    const windows = inWindows(waits);
    expect(windows.length).toBeGreaterThan(100);
    expect(windows.length).toBeLessThanOrEqual(201);
    expect(windows.at(-1)?.worst).toBe(39_999);
  });
});

describe('Rows per second over rows done', () => {
  it('are the same everywhere where rows are done evenly, however they are counted', () => {
    const curve = [0, 1, 250, 1_000].map((rows) => ({ rows, seconds: rows / 500 }));
    const rates = ratesOver(curve, 4);
    expect(rates.map(([rows]) => rows)).toEqual([125, 375, 625, 875]);
    for (const [, rate] of rates) {
      expect(rate).toBeCloseTo(500, 6);
    }
  });

  it('show where it was slow', () => {
    const curve = [
      { rows: 0, seconds: 0 },
      { rows: 500, seconds: 1 },
      { rows: 1_000, seconds: 11 },
    ];
    expect(ratesOver(curve, 2)).toEqual([
      [250, 500],
      [750, 50],
    ]);
  });

  it('are none where nothing was done', () => {
    expect(ratesOver([], 4)).toEqual([]);
    expect(ratesOver([{ rows: 0, seconds: 0 }], 4)).toEqual([]);
  });
});

it('Neighbours are put together so that there are 200 at most, and all of them are there', () => {
  expect(grouped([1, 2, 3])).toEqual([[1], [2], [3]]);
  const groups = grouped(Array.from({ length: 1_501 }, (_, i) => i));
  expect(groups.length).toBeLessThanOrEqual(200);
  expect(groups.flat()).toHaveLength(1_501);
});
