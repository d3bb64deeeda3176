import type { PaceOptions } from '../define/migration.ts';
import type { StatementTime } from '../ledger/move.ts';
import { type BatchCost, lineOf, remembering } from './batch-cost.ts';

/** How many rows the next batch takes. A value: every measurement makes a new one. */
export interface Pace {
  readonly options: PaceOptions;
  /** From recent batches, all that a batch takes included; null before the first. */
  readonly secondsPerRow: number | null;
  /** The same, but only what its statement was at work and held locks. */
  readonly busyPerRow: number | null;
  /** The least that a statement takes beside, however few rows there are. Null where nobody has told the two apart. */
  readonly fixed: number | null;
  /** The latest batches. */
  readonly batches: readonly BatchCost[];
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
//
// Rows that travel are read and transformed beside, which is work, too: r in the first of the two is then all that a row takes. With f = 5 ms, and 10 us
// of a row's 25 us under locks, it is 1,800 rows, locked for 18 ms, where the locks alone would have made it 4,500.
//
// A statement also takes c under locks, however few rows there are. That is a millisecond, which changes nothing, until the machine of the database is
// so busy that a statement waits for its turn. Taken for rows that are slow, it made the batch smaller, which made none of it shorter, down to
// a single row, at which it stayed. So a line through several batches tells c from r. Where c is large, rows have half of c besides, which whoever
// waits for the statement hardly notices, up to half of `targetSeconds`, or a quarter of c where that is more.

/** How much of a batch may be what every batch takes, however small it is. */
export const fixedShare = 0.1;

// Before anything is known: even at 1 ms a row, as with heavy triggers, 100 rows take a tenth of a second.
const firstSize = 100;
// One lucky batch, all of it cached or already migrated, must not make the next one a hundred times as large. From 100 rows, the fifth
// batch may have 25,600.
const fastestGrowth = 4;
// By how much a batch may be larger than the last one where only the line through several says that it may: should that be wrong, locks are held for
// twice the target, once.
const boldestGrowth = 2;
// Batches as small as that may be small for the wrong reason, and are tried larger now and then.
const suspiciouslySmall = 16;
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
    batches: [],
    fits: Number.POSITIVE_INFINITY,
    size: within(
      options,
      secondsPerRow === null ? firstSize : sizeOf(options, secondsPerRow, secondsPerRow, roundTrip),
    ),
  };
}

/** The size by the rule, from how long each row is locked, and how much work it is in all. */
function sizeOf(
  { targetSeconds }: PaceOptions,
  lockedPerRow: number,
  workPerRow: number,
  fixed: number | null,
): number {
  const most = targetSeconds / lockedPerRow;
  return fixed === null ? most : Math.min(most, (fixed / workPerRow) * (1 / fixedShare - 1));
}

/** The pace after a batch. */
export function measured(pace: Pace, { rows, seconds, time, bytesPerRow }: Measurement): Pace {
  if (rows === 0) {
    return pace;
  }
  // The mean of the last batch and all before it: follows a change within three batches, forgives one hiccup.
  const secondsPerRow = mean(pace.secondsPerRow, seconds / rows);
  const busy = time?.busy ?? seconds;
  const busyPerRow = mean(pace.busyPerRow, busy / rows);
  // The least, since what travels with the rows is no fixed cost, and one long way says nothing about the next.
  const fixed =
    time === undefined ? pace.fixed : Math.min(pace.fixed ?? Number.POSITIVE_INFINITY, time.beside);
  const fits = bytesPerRow > 0 ? pageBytes / bytesPerRow : pace.fits;
  const batches = remembering(pace.batches, { rows, busy });
  // The slower of the two decides, so that a batch which just took too long counts in full.
  const lockedPerRow = Math.max(busyPerRow, busy / rows);
  const workPerRow =
    bytesPerRow > 0 ? Math.max(lockedPerRow, secondsPerRow - (fixed ?? 0) / rows) : lockedPerRow;
  const careful = sizeOf(pace.options, lockedPerRow, workPerRow, fixed);
  const wanted = Math.max(careful, boldSize(pace.options, batches, rows));
  const size = within(pace.options, Math.min(wanted, fits, rows * fastestGrowth));
  return { ...pace, secondsPerRow, busyPerRow, fixed, batches, fits, size };
}

/**
 * The size by what several batches say together: that it is not rows that are slow. 0 where they say nothing of the kind: where the constant takes
 * less than a fifth of the target, the careful rule is the one that others notice least. Suspiciously small batches are tried larger anyway.
 */
function boldSize({ targetSeconds }: PaceOptions, batches: readonly BatchCost[], rows: number): number {
  const areSmall = rows < suspiciouslySmall;
  const line = lineOf(batches, areSmall ? 0 : 1);
  if (line === undefined) {
    return areSmall ? rows * boldestGrowth : 0;
  }
  const { constant, perRow } = line;
  if (!areSmall && constant < targetSeconds / 5) {
    return 0;
  }
  const forRows = Math.max(Math.min(constant, targetSeconds) / 2, constant / 4);
  return Math.min(forRows / perRow, rows * boldestGrowth);
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
