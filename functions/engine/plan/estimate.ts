import { measured, startPace } from '../batch/batch-size.ts';
import type { RowMigration } from '../define/registered.ts';
import { restShare } from '../schedule/schedule.ts';
import { restAfter, type Spread, spread, tooShort } from '../schedule/throttle.ts';
import { longestSleep } from '../slice/batch-loop.ts';
import { parseDuration } from '../time/duration.ts';
import { afterOpenSeconds } from '../time/maintenance-window.ts';
import type { Trial } from '../trial/trial.ts';
import type { Forecast, RowsAhead } from './preview.ts';

/** How a migration of rows would go, as far as a trial can tell. */
export interface Course {
  readonly workingSeconds: number;
  readonly batches: number;
  /** Rows in a batch, once it has found its pace. */
  readonly batchRows: number;
  readonly restSeconds: number;
  /** Rests for which Step Functions waits instead of the Lambda. */
  readonly longRests: number;
  /** Invocations of the Lambda, and the time for which they are paid. */
  readonly slices: number;
  readonly lambdaSeconds: number;
  /** When it would end, in ms since 1970, if it began now: with its rests, inside its window. */
  readonly endsAt: number;
  /** Why it cannot be done in the time that it has. */
  readonly problem: string | undefined;
}

/** Five minutes of Lambda, one of which is left to a batch that takes too long. */
export const sliceSeconds = 240;

/** Works out how a migration that was tried would go from `now` on, in ms since 1970. */
export function courseOf(
  { line }: Pick<Forecast, 'line'>,
  migration: RowMigration,
  rows: RowsAhead,
  trial: Trial,
  now: number,
): Course {
  const { within, window, pace } = migration;
  const workingSeconds = working(rows, trial);
  const planned = within === undefined ? undefined : spreadOver(within, line, migration, rows, trial, now);
  const rest = (seconds: number): number =>
    planned ? restAfter(planned.load, seconds) : (pace.restSeconds ?? seconds * restShare);
  const walk = walkOver(rows.toLookAt.rows, workingSeconds, migration, trial, rest);
  return {
    ...walk,
    workingSeconds,
    endsAt: afterOpenSeconds(window, now, workingSeconds + walk.allRests),
    problem: planned && tooShort(planned, within as string, window),
  };
}

/**
 * Working time: of each row what looking at it took, and of each that needs the change what the change took beyond that.
 * How many do is only believed where they were counted; else, and where all will be marked, they may be as many as were
 * tried.
 */
function working({ toLookAt, inNeed, toMark }: RowsAhead, trial: Trial): number {
  if (trial.rows === 0) {
    return 0;
  }
  const { looked } = trial;
  const each = trial.seconds / trial.rows;
  // Where a run was faster with some of them, it was not they that the trial changed.
  const changed = Math.max(trial.updated + trial.errors, looked?.inNeed ?? 0);
  if (toMark || !inNeed.counted || !looked || looked.rows === 0 || changed === 0) {
    return toLookAt.rows * each;
  }
  const look = Math.min(each, looked.seconds / looked.rows);
  const change = (trial.seconds - trial.rows * look) / changed;
  return toLookAt.rows * look + inNeed.rows * change;
}

/** The rate that a run plans with before its first batch: that of the rows which were tried. */
function spreadOver(
  within: string,
  line: Forecast['line'],
  { pace, window }: RowMigration,
  { toLookAt }: RowsAhead,
  trial: Trial,
  now: number,
): Spread {
  const secondsPerRow = trial.rows === 0 ? 0 : trial.seconds / trial.rows;
  const begun = line?.status === 'running' || line?.status === 'failed' ? line.startedAt : now;
  return spread({
    rowsLeft: toLookAt.rows,
    looksAgain: false,
    secondsPerRow,
    batchRows: startPace(pace, secondsPerRow).size,
    now,
    mustEndAt: begun + parseDuration(within) * 1_000,
    window,
    rests: true,
  });
}

/** Goes through the batches as a slice does: small at first, then as large as their time allows, with a rest after each. */
function walkOver(
  rows: number,
  workingSeconds: number,
  migration: RowMigration,
  trial: Trial,
  restAfterBatch: (seconds: number) => number,
): Omit<Course, 'workingSeconds' | 'endsAt' | 'problem'> & { readonly allRests: number } {
  const perRow = workingSeconds / Math.max(1, rows);
  let pace = startPace(migration.pace, null);
  const sum = { batches: 0, allRests: 0, shortRests: 0, longRests: 0 };
  let rest = 0;
  for (let left = rows; left > 0; ) {
    const size = Math.min(pace.size, left);
    const next = measured(pace, size, size * perRow, trial.receivedPerRow);
    // Once the pace is found, all batches to come are alike.
    const alike = next.size === pace.size ? Math.ceil(left / size) : 1;
    left -= alike * size;
    sum.batches += alike;
    rest = restAfterBatch(size * perRow);
    const rests = left > 0 ? alike : alike - 1; // none after the last one
    sum.allRests += rests * rest;
    if (rest >= longestSleep) {
      sum.longRests += rests;
    } else {
      sum.shortRests += rests * rest;
    }
    pace = next;
  }
  const lambdaSeconds = workingSeconds + sum.shortRests;
  return {
    batches: sum.batches,
    batchRows: pace.size,
    restSeconds: rest,
    allRests: sum.allRests,
    longRests: sum.longRests,
    slices: 1 + sum.longRests + Math.floor(lambdaSeconds / sliceSeconds),
    lambdaSeconds,
  };
}
