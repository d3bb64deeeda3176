import { measured, type Pace, tooSlow } from '../batch/batch-size.ts';
import { TransformTimeout } from '../batch/transform-rows.ts';
import type { Clock } from '../clock.ts';
import type { Rest } from '../define/batch.ts';
import { DatabaseError, type Fault } from '../errors.ts';
import type { StatementTime } from '../ledger/move.ts';
import { mostFailures, pauseAfter } from '../time/backoff.ts';
import { Tally } from './tally.ts';

/** What is done about a batch that failed, by who is to blame. */
const reactions = {
  /** Some of its rows: they are found and recorded, or else half as many are tried, until one is alone. What cannot be done even alone, the batch records, or the loop ends. */
  row: 'halve',
  /** The moment (locks, load, a restart): wait, longer each time, and take fewer rows, since time ran out perhaps. */
  moment: 'back off',
  /** The statement itself: it would fail again. */
  migration: 'end',
} as const satisfies Record<Fault, 'halve' | 'back off' | 'end'>;

/**
 * Who is to blame. A single row that takes longer than a statement may is looked at alone, where the batch can tell a slow row from a
 * table that somebody has locked; what times out there, beside the row, is the moment's.
 */
const faultOf = (
  { fault, isTimeout }: DatabaseError,
  { size, alone }: Pick<Next, 'size' | 'alone'>,
): Fault => (isTimeout && size === 1 && !alone ? 'row' : fault);

/**
 * Whether one look at the page may find all of its bad rows: not while smaller ones are tried, and without a SQLSTATE it is not the
 * database that refuses a row. One for which `transform` takes too long is known.
 */
const mayBeFound = (error: DatabaseError, corner: number, pace: Pace): boolean =>
  error instanceof TransformTimeout ||
  (corner > pace.size && error.fault === 'row' && error.sqlState !== null);

/** The next batch to do. */
export interface Next {
  /** Rows at most. */
  readonly size: number;
  /** A row that fails has been found: whatever is wrong with it is to be recorded, so that the others go on. */
  readonly alone: boolean;
  /** When it began, on the clock's scale. */
  readonly begun: number;
  /** From the batches before. */
  readonly pace: Pace;
}

/** What a batch did. */
export interface Done {
  readonly rows: number;
  /** What of its time its statement took; left out, it is taken for having held locks all the time. */
  readonly time?: StatementTime | undefined;
  /** Bytes a row takes in a result; 0 where no rows travel. */
  readonly bytesPerRow: number;
  /** There are no rows after these. */
  readonly isLast?: boolean;
}

/**
 * What came of a batch. `again`: nothing was done, and what is known of the ledger is fresh now. `lost`: another invocation
 * goes on with it. `done`: there was nothing left to do.
 */
export type Step = Done | 'again' | 'lost' | 'done';

/** A kind of work that is done in batches. */
export interface Work {
  readonly clock: Clock;
  /** Asked before each batch: the time is up. */
  readonly isOver: () => boolean;
  /** How large the batches are at first. */
  readonly pace: Pace;
  /** Asked before each batch: it is to be one row, which is suspected of ending the Lambda. */
  readonly isSuspect?: () => boolean;
  /** What the next batch has to wait for, which is expected to hold locks for so many seconds. */
  readonly hold?: (seconds: number) => Promise<Rest | undefined>;
  /** The rest after a batch that took so many seconds. */
  readonly rest?: (seconds: number) => Rest;
  readonly batch: (next: Next) => Promise<Step>;
  /**
   * Finds the bad rows of a batch that failed by their fault, and sees to it that the next one leaves them out; false if it found
   * none.
   */
  readonly leaveOut?: (next: Next, error: DatabaseError) => Promise<boolean>;
  /** What comes after the last row. Left out, that is the end. */
  readonly afterLast?: () => Promise<'again' | 'done' | 'lost'>;
  /** What the loop throws when it gives up: at once for the migration's fault, after `mostFailures` for the moment's. */
  readonly failure: (fault: 'migration' | 'moment', error: DatabaseError) => Error;
  /** Where it is counted; left out where nobody wants to know. */
  readonly tally?: Tally | undefined;
}

/** How the loop ended; `more`: the time is up, or a rest is due that is too long for a Lambda to sleep through. */
export interface Ended {
  readonly state: 'more' | 'lost' | 'done';
  readonly rest: Rest;
  readonly pace: Pace;
}

// A Lambda that only sleeps is paid for: from here on Step Functions waits instead, at no cost.
export const longestSleep = 5;
// A timer takes a millisecond at least, which would be several times the rest after a short batch. So short ones add up.
const shortestSleep = 0.01;

/** Does batches until there are no more, the time is up, or a longer rest is due. Throws what `failure` makes of a fault. */
export async function inBatches({
  clock,
  isOver,
  batch,
  failure,
  tally = new Tally(),
  ...work
}: Work): Promise<Ended> {
  let pace = work.pace;
  // Rows at most, while a bad row is being looked for: halved until it is alone, then doubled back.
  let corner = Number.POSITIVE_INFINITY;
  let failures = 0;
  let owed = 0;
  const ended = (state: Ended['state'], rest: Rest = { seconds: 0 }): Ended => ({
    state,
    rest,
    pace,
  });

  while (!isOver()) {
    corner = work.isSuspect?.() ? 1 : corner;
    const held = await work.hold?.(Math.min(pace.size, corner) * (pace.busyPerRow ?? 0));
    if (held !== undefined) {
      return ended('more', held);
    }
    const begun = clock.now();
    const size = Math.min(pace.size, corner);
    const alone = corner === 1;
    const next = { size, alone, begun, pace };
    try {
      const step = await batch(next);
      if (step === 'again') {
        continue;
      }
      if (typeof step === 'string') {
        return ended(step);
      }
      const seconds = clock.now() - begun;
      failures = 0;
      tally.batch({ seconds, locked: step.time?.busy ?? seconds });
      // A page that was nearly empty, or cut to find a bad row, says nothing about the pace.
      if (corner > pace.size && step.rows >= size / 2) {
        pace = measured(pace, { ...step, seconds });
      }
      corner = corner > pace.size ? Number.POSITIVE_INFINITY : corner * 2;
      if (step.isLast) {
        const next = (await work.afterLast?.()) ?? 'done';
        if (next !== 'again') {
          return ended(next);
        }
        continue;
      }
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        throw error;
      }
      if (mayBeFound(error, corner, pace) && (await work.leaveOut?.(next, error))) {
        continue;
      }
      const reaction = reactions[faultOf(error, next)];
      if (reaction === 'halve' && !alone) {
        corner = Math.max(1, Math.floor(size / 2));
        continue;
      }
      if (reaction !== 'back off') {
        throw failure('migration', error);
      }
      failures += 1;
      if (failures > mostFailures) {
        throw failure('moment', error);
      }
      tally.triedAgain += 1;
      pace = tooSlow(pace, size, clock.now() - begun);
      await clock.sleep(pauseAfter(failures));
      continue;
    }
    const rest = work.rest?.(clock.now() - begun) ?? { seconds: 0 };
    owed += rest.seconds;
    if (owed >= longestSleep) {
      return ended('more', { ...rest, seconds: owed });
    }
    if (owed >= shortestSleep && !rest.addsUp) {
      await clock.sleep(owed);
      tally.restedSeconds += owed;
      owed = 0;
    }
  }
  return ended('more');
}
