import type { PaceOptions } from '../define/migration.ts';

/** How many rows the next batch takes. A value: every measurement makes a new one. */
export interface Pace {
  readonly options: PaceOptions;
  /** From recent batches; null before the first. */
  readonly secondsPerRow: number | null;
  /** Rows that fit a result page; Infinity where none travel. */
  readonly fits: number;
  readonly size: number;
}

// Before anything is known: even at 5 ms a row, as with heavy triggers, 100 rows take half a second.
const firstSize = 100;
// One lucky batch, all of it cached or already migrated, must not make the next one a hundred times as large.
const fastestGrowth = 4;
// A result in JSON may have 10 MB. But the new values go back in a request of 4 MiB, where they may be twice as long.
const pageBytes = 1_500_000;

/** The pace to begin a slice with: what the ledger remembers, or a careful guess. */
export function startPace(options: PaceOptions, secondsPerRow: number | null): Pace {
  const size = secondsPerRow === null ? firstSize : options.targetSeconds / secondsPerRow;
  return { options, secondsPerRow, fits: Number.POSITIVE_INFINITY, size: within(options, size) };
}

/** The pace after a batch of `rows` rows that took `seconds`, its rows `bytesPerRow` in a result page. */
export function measured(pace: Pace, rows: number, seconds: number, bytesPerRow: number): Pace {
  if (rows === 0) {
    return pace;
  }
  const now = seconds / rows;
  // The mean of the last batch and all before it: follows a change within three batches, forgives one hiccup.
  const secondsPerRow = pace.secondsPerRow === null ? now : (pace.secondsPerRow + now) / 2;
  const fits = bytesPerRow > 0 ? pageBytes / bytesPerRow : pace.fits;
  // The slower of the two decides, so that a batch which just took too long counts in full.
  const wanted = pace.options.targetSeconds / Math.max(secondsPerRow, now);
  const size = within(pace.options, Math.min(wanted, fits, Math.max(rows, 1) * fastestGrowth));
  return { ...pace, secondsPerRow, fits, size };
}

/** The pace after a batch that did not end in `seconds`: it was at least that slow. */
export function tooSlow(pace: Pace, rows: number, seconds: number): Pace {
  const secondsPerRow = Math.max(pace.secondsPerRow ?? 0, seconds / Math.max(rows, 1));
  return {
    ...pace,
    secondsPerRow,
    size: within(pace.options, Math.min(rows / 2, pace.options.targetSeconds / secondsPerRow)),
  };
}

function within({ maxRows }: PaceOptions, size: number): number {
  return Math.max(1, Math.min(maxRows, Math.floor(size)));
}
