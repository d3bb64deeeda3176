import { durationText } from '../time/duration.ts';
import { afterOpenSeconds, openSeconds, type WindowOptions, windowText } from '../time/maintenance-window.ts';

/** How the rest of a migration is spread over the time that it has, as the ledger keeps it. Instants in ISO 8601. */
export interface ThrottlePlan {
  readonly must_end_at: string;
  /** When it will end if all goes on like this. */
  readonly ends_at: string;
  /** Rows still to be looked at. */
  readonly rows_left: number;
  readonly seconds_per_row: number;
  /** Rows in a batch, and the rest that follows it. */
  readonly batch_rows: number;
  readonly rest_seconds: number;
  /** By how much it will miss its end although it rests no more; 0 while it keeps it. */
  readonly late_seconds: number;
}

/** What it is worked out from. Instants are ms since 1970. */
export interface ThrottleInput {
  readonly rowsLeft: number;
  /** All rows were walked over once, and are looked at again: how many of them are left to change is not known. */
  readonly looksAgain: boolean;
  /** Working time, without rests. */
  readonly secondsPerRow: number;
  readonly batchRows: number;
  readonly now: number;
  readonly mustEndAt: number;
  /** Left out where it is always open, and in the foreground, which keeps none. */
  readonly window: WindowOptions | undefined;
  /** In the foreground it does not rest between batches. */
  readonly rests: boolean;
}

export interface Throttle {
  readonly planned: ThrottlePlan;
  /** The share of the open time in which it works. */
  readonly load: number;
  readonly neededSeconds: number;
  readonly openSeconds: number;
}

// A tenth is kept for what the rate of the batches does not tell: the last look for rows that came in behind the cursor,
// which reads the whole table; what locks, pressure and redrives take; a count of rows that was estimated a little low.
const share = 0.9;

// Below a hundredth nobody can measure the load any more, while every later migration of the run waits behind this one.
const leastLoad = 0.01;

/** Spreads the work that is left over the open time that is left: the least load that still ends in time. */
export function planThrottle(situation: ThrottleInput): Throttle {
  const { secondsPerRow, batchRows, now, mustEndAt, window, rests } = situation;
  const open = openSeconds(window, now, Math.max(now, mustEndAt));
  const needed = neededSeconds(situation, open);
  // Without any time left, no work to do is no load either.
  const wanted = needed === 0 ? 0 : needed / (open * share);
  const load = rests ? Math.min(1, Math.max(leastLoad, wanted)) : 1;
  const endsAt = afterOpenSeconds(window, now, needed / load);
  return {
    load,
    neededSeconds: needed,
    openSeconds: open,
    planned: {
      must_end_at: instant(mustEndAt),
      ends_at: instant(endsAt),
      rows_left: situation.rowsLeft,
      seconds_per_row: secondsPerRow,
      // Half the batch with half the rest is the same load: its size stays the one that keeps locks short.
      batch_rows: batchRows,
      rest_seconds: restAfter(load, batchRows * secondsPerRow),
      late_seconds: needed > open ? Math.round((endsAt - mustEndAt) / 1_000) : 0,
    },
  };
}

/** To look at rows is much faster than to change them, as its rate will tell soon: until then it takes all the time there is. */
function neededSeconds({ rowsLeft, secondsPerRow, looksAgain }: ThrottleInput, open: number): number {
  const needed = rowsLeft * secondsPerRow;
  return looksAgain && open > 0 ? Math.min(needed, open * share) : needed;
}

/**
 * Rows that the plan has to count on. Where more came than were known, which may be an estimate, a tenth as many again may
 * come. A later pass looks at all of them once more.
 */
export function rowsLeft(pass: number, known: number, processed: number): number {
  if (pass > 1) {
    return Math.max(known, processed);
  }
  return known > processed ? known - processed : Math.ceil(processed / 10);
}

/** Seconds to rest after a batch for it to take this share of the time: 99 times as long as the batch at most. */
export function restAfter(load: number, batchSeconds: number): number {
  return batchSeconds * (1 / load - 1);
}

/** Why the time is not enough even without rests, with the arithmetic, and what to do; undefined if it is. */
export function deadlineProblem(
  { planned, neededSeconds, openSeconds: open }: Throttle,
  within: string,
  window: WindowOptions | undefined,
): string | undefined {
  if (neededSeconds <= open) {
    return undefined;
  }
  const rows = planned.rows_left.toLocaleString('en');
  const rate = `${Number((planned.seconds_per_row * 1_000).toPrecision(3))} ms`;
  const there = window === undefined ? 'left' : `in the window ${windowText(window)}`;
  return (
    `${rows} rows at ${rate} each take ${durationText(neededSeconds)}, but until ${planned.must_end_at} (within ${within}) ` +
    `there are ${durationText(open)} ${there}: it cannot be done in time, even without rests. Allow more time, ` +
    `${window === undefined ? '' : 'widen the window, '}make a row cheaper (triggers, indexes), or leave "within" out`
  );
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
