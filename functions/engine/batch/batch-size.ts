import type { PaceOptions } from '../define/migration.ts';
import type { StatementTime } from '../ledger/move.ts';

/** How many rows the next batch takes. A value: every measurement makes a new one. */
export interface Pace {
  readonly options: PaceOptions;
  /** From recent batches, all that a batch takes included; null before the first. */
  readonly secondsPerRow: number | null;
  /** The same, but only what its statement was at work and held locks. */
  readonly busyPerRow: number | null;
  /** The least that a statement takes beside, however few rows there are. Null where nobody has told the two apart. */
  readonly fixed: number | null;
  /** Rows that fit a result page; Infinity where none travel. */
  readonly fits: number;
  readonly size: number;
}

/** What a batch took. */
export interface Measurement {
  readonly rows: number;
  /** From its beginning to its end, as its caller saw it. */
  readonly seconds: number;
  /** What of that its statement took; left out, it is taken for having held locks all the time. */
  readonly time?: StatementTime | undefined;
  /** Bytes a row takes in a result page; 0 where no rows travel. */
  readonly bytesPerRow: number;
}

// The rule. The statement of a batch of n rows takes f + r n seconds: f is fixed (its way, parsing, planning, the commit), r is what a row
// takes while it is locked. The share of f is f / (f + r n), and the smallest batch that keeps it at `fixedShare` has n = (f / r) (1 / fixedShare - 1)
// rows: larger ones gain less than that share, and each row more is locked for longer. Where that would hold locks for longer than
// `targetSeconds`, it has n = targetSeconds / r rows. With f = 20 ms and r = 4 us, that is 45,000 rows, so the limit of 0.1 s makes it 25,000;
// with f = 3 ms, it is 6,750 rows, locked for 27 ms.

/** How much of a batch may be what every batch takes, however small it is. */
export const fixedShare = 0.1;

// Before anything is known: even at 1 ms a row, as with heavy triggers, 100 rows take a tenth of a second.
const firstSize = 100;
// One lucky batch, all of it cached or already migrated, must not make the next one a hundred times as large. From 100 rows, the fifth
// batch may have 25,600.
const fastestGrowth = 4;
// A result in JSON may have 10 MB. But the new values go back in a request of 4 MiB, where they may be twice as long.
const pageBytes = 1_500_000;

/**
 * The pace to begin a slice with: what the ledger remembers, or a careful guess. `roundTrip` is what a statement took that did next to
 * nothing, in seconds; left out where batches do not say what their statements take.
 */
export function startPace(
  options: PaceOptions,
  secondsPerRow: number | null,
  roundTrip: number | null = null,
): Pace {
  return {
    options,
    secondsPerRow,
    busyPerRow: secondsPerRow,
    fixed: roundTrip,
    fits: Number.POSITIVE_INFINITY,
    size: within(options, secondsPerRow === null ? firstSize : sizeOf(options, secondsPerRow, roundTrip)),
  };
}

/** The size by the rule. */
function sizeOf({ targetSeconds }: PaceOptions, busyPerRow: number, fixed: number | null): number {
  const most = targetSeconds / busyPerRow;
  return fixed === null ? most : Math.min(most, (fixed / busyPerRow) * (1 / fixedShare - 1));
}

/** The pace after a batch. */
export function measured(pace: Pace, { rows, seconds, time, bytesPerRow }: Measurement): Pace {
  if (rows === 0) {
    return pace;
  }
  // The mean of the last batch and all before it: follows a change within three batches, forgives one hiccup.
  const secondsPerRow = mean(pace.secondsPerRow, seconds / rows);
  const busyNow = (time?.busy ?? seconds) / rows;
  const busyPerRow = mean(pace.busyPerRow, busyNow);
  // The least, since what travels with the rows is no fixed cost, and one long way says nothing about the next.
  const fixed =
    time === undefined ? pace.fixed : Math.min(pace.fixed ?? Number.POSITIVE_INFINITY, time.beside);
  const fits = bytesPerRow > 0 ? pageBytes / bytesPerRow : pace.fits;
  // The slower of the two decides, so that a batch which just took too long counts in full.
  const wanted = sizeOf(pace.options, Math.max(busyPerRow, busyNow), fixed);
  const size = within(pace.options, Math.min(wanted, fits, rows * fastestGrowth));
  return { ...pace, secondsPerRow, busyPerRow, fixed, fits, size };
}

/** The pace after a batch that did not end in `seconds`: it was at least that slow. */
export function tooSlow(pace: Pace, rows: number, seconds: number): Pace {
  const now = seconds / Math.max(rows, 1);
  const busyPerRow = Math.max(pace.busyPerRow ?? 0, now);
  return {
    ...pace,
    secondsPerRow: Math.max(pace.secondsPerRow ?? 0, now),
    busyPerRow,
    size: within(pace.options, Math.min(rows / 2, pace.options.targetSeconds / busyPerRow)),
  };
}

const mean = (before: number | null, now: number): number => (before === null ? now : (before + now) / 2);

function within({ maxRows }: PaceOptions, size: number): number {
  return Math.max(1, Math.min(maxRows, Math.floor(size)));
}
