import { describe, expect, it } from 'vitest';
import {
  fixedShare,
  type Measurement,
  measured,
  type Pace,
  startPace,
  tooSlow,
} from '../../../functions/engine/batch/batch-size.ts';

const options = { targetSeconds: 0.5, restSeconds: undefined, maxRows: 10_000 };

/** The pace after a batch that held locks all the time. */
const next = (pace: Pace, rows: number, seconds: number, bytesPerRow = 0): Pace =>
  measured(pace, { rows, seconds, bytesPerRow });

describe('The pace', () => {
  it('begins carefully where nothing is known, and where it left off where something is', () => {
    expect(startPace(options, null).size).toBe(100);
    expect(startPace(options, 0.001).size).toBe(500);
    expect(startPace(options, 0.000001).size).toBe(10_000);
    expect(startPace(options, 60).size).toBe(1);
    expect(startPace({ ...options, maxRows: 7 }, null).size).toBe(7);
  });

  it('grows at most fourfold, however fast a batch was', () => {
    expect(next(startPace(options, null), 100, 0.0001).size).toBe(400);
    expect(next(startPace(options, null), 100, 0).size).toBe(400);
  });

  it('finds its target, and follows a change within a few batches', () => {
    let pace = startPace(options, null);
    for (let i = 0; i < 8; i += 1) {
      pace = next(pace, pace.size, pace.size * 0.0005);
    }
    expect(pace.size).toBe(1_000);
    for (let i = 0; i < 4; i += 1) {
      pace = next(pace, pace.size, pace.size * 0.005);
    }
    expect(pace.size).toBe(100);
    for (let i = 0; i < 12; i += 1) {
      pace = next(pace, pace.size, pace.size * 0.0005);
    }
    expect(pace.size).toBeGreaterThan(990);
  });

  it('counts a batch that just took too long in full', () => {
    expect(next(startPace(options, 0.0001), 5_000, 5).size).toBe(500);
  });

  it('takes no more rows than a result page holds', () => {
    expect(next(startPace(options, 0.0001), 5_000, 0.5, 15_000).size).toBe(100);
    expect(next(startPace(options, 0.0001), 5_000, 0.5, 7_000_000).size).toBe(1);
  });

  it('learns nothing from an empty page', () => {
    const pace = startPace(options, 0.001);
    expect(next(pace, 0, 3)).toEqual(pace);
  });

  it('takes half at most after a batch that did not end, and at last one row', () => {
    let pace = startPace(options, 0.0001);
    pace = tooSlow(pace, pace.size, 45);
    expect(pace.size).toBe(55);
    for (let i = 0; i < 10; i += 1) {
      pace = tooSlow(pace, pace.size, 0.01);
    }
    expect(pace.size).toBe(1);
  });
});

/** A table, as its batches see it: what the statement of each takes beside its rows, and what the next rows take, in seconds. */
interface SimulatedTable {
  readonly fixed: number;
  readonly perRow: (done: number) => number;
  /** What a statement is at work, and holds locks, however few rows there are. */
  readonly constant?: number;
  /** What a row takes on its way. */
  readonly travel?: number;
  /** What a row takes to be read and transformed, where rows travel. */
  readonly transform?: number;
  /** How far each of the two is off, by chance: 0.5 for anything from a half to one and a half. */
  readonly noise?: number;
}

const limit = 0.1;
const defaults = { targetSeconds: limit, restSeconds: undefined, maxRows: 100_000 };

/** The batches that the pace makes of a table; chance repeats itself. */
function batchesOf(
  { fixed, constant = 0, perRow, travel = 0, transform = 0, noise = 0 }: SimulatedTable,
  count: number,
  pace = startPace(defaults, null),
): Measurement[] {
  let seed = 1;
  const about = (seconds: number): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seconds * (1 + noise * (2 * (seed / 2_147_483_647) - 1));
  };
  let done = 0;
  return Array.from({ length: count }, () => {
    const rows = pace.size;
    const time = { busy: about(constant + rows * perRow(done)), beside: about(fixed + rows * travel) };
    const seconds = time.busy + time.beside + (transform > 0 ? about(rows * transform) : 0);
    const batch = { rows, seconds, time, bytesPerRow: transform > 0 ? 300 : 0 };
    pace = measured(pace, batch);
    done += rows;
    return batch;
  });
}

/**
 * The batches that GitLab's rule makes, whose target is 90 to 95 % of an interval: the smoothed share of it that batches take moves the
 * size by a fifth at most.
 * https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/gitlab/database/background_migration/batch_optimizer.rb
 */
function batchesOfGitLab({ fixed, perRow }: SimulatedTable, interval: number, count: number): number[] {
  let size = 100;
  let share: number | undefined;
  let done = 0;
  return Array.from({ length: count }, () => {
    const busy = size * perRow(done);
    done += size;
    const now = (busy + fixed) / interval;
    share = share === undefined ? now : 0.4 * now + 0.6 * share;
    if (share < 0.9 || share > 0.95) {
      size = Math.max(1, Math.floor(size * Math.min(1.2, 0.95 / share)));
    }
    return busy;
  });
}

/** The rows of a batch by the rule. */
const ideal = (fixed: number, perRow: number): number =>
  Math.min((fixed / perRow) * (1 / fixedShare - 1), limit / perRow, defaults.maxRows);

const shareOf = (batches: readonly Measurement[]): number =>
  sum(batches.map(({ time }) => time?.beside ?? 0)) / sum(batches.map(({ seconds }) => seconds));
const longest = (batches: readonly Measurement[]): number =>
  Math.max(...batches.map(({ time }) => time?.busy ?? 0));
const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

describe('The pace of simulated tables', () => {
  const tables: readonly [string, number, number][] = [
    ['narrow rows, near', 0.003, 0.000_004],
    ['narrow rows, a Data API 30 ms away', 0.03, 0.000_004],
    ['wide rows', 0.004, 0.000_05],
    ['TOAST', 0.005, 0.000_4],
    ['triggers', 0.005, 0.005],
    ['rows of which each takes longer than a batch may', 0.005, 0.3],
  ];

  it.each(tables)(
    '%s: the fifth batch is the right one, and none before holds locks for longer',
    (_, fixed, perRow) => {
      const batches = batchesOf({ fixed, perRow: () => perRow }, 20);
      const right = Math.max(1, Math.floor(ideal(fixed, perRow)));
      // From 100 rows, four times as many each.
      expect(batches[4]?.rows).toBeGreaterThanOrEqual(Math.min(right - 1, 25_600));
      expect(batches.at(-1)?.rows).toBeCloseTo(right, -1);
      const first = batches[0] as Measurement;
      expect(longest(batches.slice(1))).toBeLessThanOrEqual(Math.max(limit, perRow) * 1.001);
      expect(first.rows).toBe(100);
    },
  );

  it.each(tables.slice(0, 4))(
    '%s: half as much or half more by chance changes little',
    (_, fixed, perRow) => {
      const settled = batchesOf({ fixed, perRow: () => perRow, noise: 0.5 }, 200).slice(10);
      expect(longest(settled)).toBeLessThanOrEqual(limit * 2.5);
      const atLimit = ideal(fixed, perRow) === limit / perRow;
      if (!atLimit) {
        expect(shareOf(settled)).toBeLessThanOrEqual(fixedShare * 2);
      }
    },
  );

  it('rows that are read and transformed, too: a tenth of all that a batch takes is fixed, and its locks are shorter', () => {
    const batches = batchesOf({ fixed: 0.005, perRow: () => 0.000_01, transform: 0.000_015 }, 20);
    expect(batches.at(-1)?.rows).toBeCloseTo(ideal(0.005, 0.000_025), -1);
    expect(longest(batches)).toBeLessThan(0.02);
    const noisy = batchesOf({ fixed: 0.005, perRow: () => 0.000_01, transform: 0.000_015, noise: 0.5 }, 200);
    expect(shareOf(noisy.slice(10))).toBeLessThanOrEqual(fixedShare * 2);
    expect(longest(noisy)).toBeLessThan(0.04);
  });

  it('follows rows that get ten times as expensive half-way within three batches', () => {
    const half = 1_000_000;
    const batches = batchesOf({ fixed: 0.003, perRow: (done) => (done < half ? 0.000_004 : 0.000_04) }, 400);
    let done = 0;
    const step = batches.findIndex(({ rows }) => {
      done += rows;
      return done >= half;
    });
    const right = ideal(0.003, 0.000_04);
    expect(batches[step + 3]?.rows).toBeLessThanOrEqual(right * 1.001);
    expect(batches[step + 3]?.rows).toBeGreaterThanOrEqual(right * 0.5);
    // The one batch that nobody could foresee.
    expect(longest(batches)).toBeLessThanOrEqual(limit * 3);
    expect(batches.at(-1)?.rows).toBeCloseTo(right, -1);
  });

  it('follows rows that get slowly more expensive, and keeps its share all the time', () => {
    const batches = batchesOf({ fixed: 0.003, perRow: (done) => 0.000_004 * (1 + done / 500_000) }, 300);
    expect(longest(batches)).toBeLessThanOrEqual(limit);
    expect(shareOf(batches.slice(10))).toBeLessThanOrEqual(fixedShare * 1.2);
  });

  describe.each([
    ['from nothing', startPace(defaults, null)],
    ['from single rows, as a busy machine has left them', startPace(defaults, 0.12)],
  ])('where every statement waits for a busy machine, %s', (_, from) => {
    it.each([0.03, 0.06, 0.12, 0.5])('for %f s, keeps batches of a use', (constant) => {
      const table = { fixed: 0.003, constant, perRow: () => 0.000_02, noise: 0.3 };
      const settled = batchesOf(table, 200, from).slice(40);
      // Hundreds or thousands of rows, and not one: half as long again as a statement without any, and a quarter of it at least.
      const rows = sum(settled.map((batch) => batch.rows)) / settled.length;
      expect(rows).toBeGreaterThan(300);
      expect(longest(settled)).toBeLessThan(1.3 * constant + 2 * limit);
    });
  });

  it('takes what travels with the rows for no fixed cost', () => {
    const right = ideal(0.003, 0.000_02);
    const batches = batchesOf({ fixed: 0.003, perRow: () => 0.000_02, travel: 0.000_01 }, 20);
    expect(batches.at(-1)?.rows).toBeGreaterThanOrEqual(right * 0.99);
    expect(batches.at(-1)?.rows).toBeLessThanOrEqual(right * 1.4);
  });

  it('begins a slice with the right batch, where it knows what a row takes and what a round trip does', () => {
    expect(startPace(defaults, 0.000_02, 0.003).size).toBe(Math.floor(ideal(0.003, 0.000_02)));
    expect(startPace(defaults, 0.000_004, 0.03).size).toBe(25_000);
  });

  it('does not take larger batches because an answer was long on its way', () => {
    const before = batchesOf({ fixed: 0.003, perRow: () => 0.000_004 }, 20);
    let pace = startPace(defaults, null);
    for (const batch of before) {
      pace = measured(pace, batch);
    }
    const delayed = {
      rows: pace.size,
      seconds: 2,
      time: { busy: pace.size * 0.000_004, beside: 1.97 },
      bytesPerRow: 0,
    };
    expect(measured(pace, delayed).size).toBe(pace.size);
  });

  it('is at its size, and back at it after a step, long before the rule of GitLab would be', () => {
    const table: SimulatedTable = {
      fixed: 0.03,
      perRow: (done) => (done < 1_000_000 ? 0.000_004 : 0.000_04),
    };
    const ours = batchesOf(table, 200).map(({ time }) => time?.busy ?? 0);
    const theirs = batchesOfGitLab(table, limit, 200);
    const arrives = (busy: readonly number[]) => busy.findIndex((seconds) => seconds > limit / 2);
    const tooLong = (busy: readonly number[]) => busy.filter((seconds) => seconds > limit * 1.1).length;
    expect({ ours: arrives(ours), theirs: arrives(theirs) }).toEqual({ ours: 4, theirs: 27 });
    expect(tooLong(theirs)).toBeGreaterThan(tooLong(ours));
  });
});
