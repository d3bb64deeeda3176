/** A batch, as it was: its rows, and how many seconds its statement was at work and held locks. */
export interface BatchCost {
  readonly rows: number;
  readonly busy: number;
}

/** What batches of different sizes say of one. */
export interface Line {
  /** Seconds for a row. */
  readonly perRow: number;
  /** Seconds that every batch takes, however few rows there are. */
  readonly constant: number;
}

// Enough that chance evens out, and that a batch which was larger on purpose is not needed often.
const remembered = 32;
// A batch so many times as slow as the others say is another table, or another machine: they say nothing of it.
const surprise = 3;
// How different sizes must be for the difference in their times to say something about rows.
const leverage = 2;

/** The batches to remember after one more, the latest last. */
export function remembering(before: readonly BatchCost[], batch: BatchCost): readonly BatchCost[] {
  const kept = batch.busy > surprise * expected(before, batch.rows) ? [] : before;
  return [...kept.slice(1 - remembered), batch];
}

/** What a batch of so many rows should take, by those before it: by the line through them, or where they are all alike, by their rows. */
function expected(before: readonly BatchCost[], rows: number): number {
  const line = lineOf(before);
  if (line !== undefined) {
    return line.constant + line.perRow * rows;
  }
  const known = sum(before.map((batch) => batch.rows));
  return known === 0 ? Number.POSITIVE_INFINITY : (sum(before.map(({ busy }) => busy)) / known) * rows;
}

/**
 * The line through batches, by least squares; undefined for too few, or where they are too much alike to tell a row from what every
 * batch takes. Formulas: https://en.wikipedia.org/wiki/Simple_linear_regression
 *
 * @param errors By how many standard errors a row may take longer than the line says.
 */
export function lineOf(batches: readonly BatchCost[], errors = 0): Line | undefined {
  const sizes = batches.map(({ rows }) => rows);
  if (batches.length < (errors === 0 ? 2 : 3) || Math.max(...sizes) < leverage * Math.min(...sizes)) {
    return undefined;
  }
  const rows = mean(sizes);
  const busy = mean(batches.map((batch) => batch.busy));
  const spread = sum(sizes.map((size) => (size - rows) ** 2));
  const slope = Math.max(0, sum(batches.map((batch) => (batch.rows - rows) * (batch.busy - busy))) / spread);
  const perRow = slope + (errors === 0 ? 0 : errors * standardError());
  return { perRow, constant: Math.max(0, busy - perRow * rows) };

  function standardError(): number {
    const off = batches.map((batch) => batch.busy - busy - slope * (batch.rows - rows));
    return Math.sqrt(sum(off.map((each) => each ** 2)) / (batches.length - 2) / spread);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
const mean = (numbers: readonly number[]): number => sum(numbers) / numbers.length;
