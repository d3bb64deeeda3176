import { startPace } from '../batch/batch-size.ts';
import type { RowMigration } from '../define/registered.ts';
import { lanesFor, rests, spreads } from '../lanes/how-many.ts';
import { restShare } from '../schedule/schedule.ts';
import { deadlineProblem, planThrottle, restAfter, type Throttle } from '../schedule/throttle.ts';
import { parseDuration } from '../time/duration.ts';
import { afterOpenSeconds } from '../time/maintenance-window.ts';
import type { Trial } from '../trial/trial.ts';
import { goesOn } from './ledger-line.ts';
import type { Preview } from './preview.ts';
import type { RowPreview } from './preview-rows.ts';
import { type SimulatedBatches, simulateBatches } from './simulate-batches.ts';

/** How long a migration of rows would take, as far as the rows that were tried can tell. */
export interface Estimate extends SimulatedBatches {
  /** Time in batches, without rests. */
  readonly workingSeconds: number;
  /** How many lanes there are at once. */
  readonly lanes: number;
  /** Invocations of the Lambda, and the time for which they are paid. */
  readonly slices: number;
  readonly lambdaSeconds: number;
  /** When it would end if it began now, with its rests and inside its window: in ms since 1970. */
  readonly endsAt: number;
  /** Why it cannot be done in the time that it has; undefined if it can, or if it has no limit. */
  readonly problem: string | undefined;
}

/** How long one invocation works, in seconds: five minutes of Lambda, one of which is left to a batch that takes too long. */
export const sliceSeconds = 240;

/**
 * Works out how a migration would go from `now` on (ms since 1970), from a preview of it. Undefined for a change of tables,
 * which takes one step, and where no rows were tried.
 */
export function estimate({ migration, line, rows }: Preview, now: number): Estimate | undefined {
  if (migration.kind === 'alterTables' || rows?.trial === undefined) {
    return undefined;
  }
  const { trial } = rows;
  const { window, pace, within } = migration;
  const startedAt = goesOn(line) ? line.startedAt : now;
  const limit =
    within === undefined
      ? undefined
      : { within, plan: spreadOver({ within, migration, rows, trial, startedAt, now }) };
  const inDatabase = workingTime(rows, trial);
  const secondsPerRow = inDatabase / Math.max(1, rows.toLookAt.rows);
  const lockedPerRow = Math.min(secondsPerRow, trial.lockedPerRow);
  const batches = simulateBatches({
    rows: rows.toLookAt.rows,
    secondsPerRow,
    lockedPerRow,
    roundTrip: trial.roundTrip,
    bytesPerRow: trial.receivedPerRow,
    pace,
    restAfterBatch: (seconds) =>
      limit ? restAfter(limit.plan.load, seconds) : (pace.restSeconds ?? seconds * restShare),
  });
  const inOneLane = inDatabase + batches.batches * trial.roundTrip;
  const lanes = lanesOf(migration, rows.toLookAt.rows, { ...batches, inOneLane, lockedPerRow });
  // While one statement is at work, the others are on their way.
  const workingSeconds = Math.max(inOneLane / lanes, migration.lanes === undefined ? inDatabase : 0);
  const lambdaSeconds =
    (spreads(migration, migration.lanes) ? inOneLane : workingSeconds) + batches.shortRestSeconds;
  return {
    ...batches,
    workingSeconds,
    lanes,
    slices: 1 + batches.longRests + Math.floor(lambdaSeconds / sliceSeconds),
    lambdaSeconds,
    // Lanes rest beside one another.
    endsAt: afterOpenSeconds(window, now, workingSeconds + batches.totalRestSeconds / lanes),
    problem: limit && deadlineProblem(limit.plan, limit.within, window),
  };
}

/** How many lanes a walk over so many rows would have, if what was tried is like the rest. */
function lanesOf(
  migration: RowMigration,
  rows: number,
  { batchRows, inOneLane, lockedPerRow }: SimulatedBatches & { inOneLane: number; lockedPerRow: number },
): number {
  const secondsPerRow = inOneLane / Math.max(1, rows);
  const pace = { size: batchRows, secondsPerRow, busyPerRow: lockedPerRow };
  const ahead = { pass: 1, conflicted: [], rowsKnown: rows, totalProcessed: 0 };
  // A backfill only waits; what a rewrite does not lock, it computes.
  const busy = migration.kind === 'rewrite' && secondsPerRow > 0 ? 1 - lockedPerRow / secondsPerRow : 0;
  return lanesFor(ahead, pace, migration.lanes ?? (rests(migration) ? 1 : undefined), {
    batches: Infinity,
    busy,
  });
}

/**
 * Working time in seconds. Each row costs what looking at it took in the trial, and each that needs the change what the
 * change took beyond that. How many need it is only believed where they were counted; otherwise, and where all rows will be
 * marked, the share that the trial found is taken for all of them.
 */
function workingTime({ toLookAt, toChange, addsMarker }: RowPreview, trial: Trial): number {
  if (trial.rows === 0) {
    return 0;
  }
  const { looked } = trial;
  const secondsPerRow = trial.seconds / trial.rows;
  // A run that goes on beside the trial may have changed some of its rows first: those count as changed, too.
  const changed = Math.max(trial.updated + trial.errors, looked?.inNeed ?? 0);
  if (addsMarker || toChange.how === 'estimated' || !looked || looked.rows === 0 || changed === 0) {
    return toLookAt.rows * secondsPerRow;
  }
  const secondsPerLook = Math.min(secondsPerRow, looked.seconds / looked.rows);
  const secondsPerChange = (trial.seconds - trial.rows * secondsPerLook) / changed;
  return toLookAt.rows * secondsPerLook + toChange.rows * secondsPerChange;
}

interface SpreadInput {
  readonly within: string;
  readonly migration: RowMigration;
  readonly rows: RowPreview;
  readonly trial: Trial;
  /** When it began, or would begin, in ms since 1970: its time counts from there. */
  readonly startedAt: number;
  readonly now: number;
}

/** The plan that a run makes before its first batch, from the rate of the rows that were tried. */
function spreadOver({ within, migration, rows, trial, startedAt, now }: SpreadInput): Throttle {
  const secondsPerRow = trial.rows === 0 ? 0 : trial.seconds / trial.rows;
  return planThrottle({
    rowsLeft: rows.toLookAt.rows,
    looksAgain: false,
    secondsPerRow: secondsPerRow / (migration.lanes ?? 1),
    batchRows: startPace(migration.pace, secondsPerRow).size,
    now,
    mustEndAt: startedAt + parseDuration(within) * 1_000,
    window: migration.window,
    rests: true,
  });
}
