import { type Pace, startPace } from '../batch/batch-size.ts';
import { mayBeLeft, needsChange } from '../batch/rows-in-need.ts';
import type { Database } from '../database/data-api.ts';
import type { Table } from '../database/table.ts';
import type { Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { lanesFor } from '../lanes/how-many.ts';
import { cutRanges } from '../lanes/ranges.ts';
import { type Checkpoint, remember } from '../ledger/checkpoint.ts';
import { nextPass } from '../ledger/move.ts';
import { type Longest, longerOf } from './batch-loop.ts';
import { type Schedule, type SliceInput, type Walked, type WalkInput, walk } from './walk.ts';
import { walkInLanes } from './walk-in-lanes.ts';

/**
 * How far a slice came, the longest of its batches. `lost`: another invocation holds the claim now, and goes on from the
 * checkpoint.
 */
export type Progress =
  | {
      readonly state: 'more';
      readonly at: Checkpoint;
      readonly longest: Longest;
      readonly rest: Rest;
    }
  | {
      readonly state: 'done';
      readonly at: Checkpoint;
      readonly longest: Longest;
      readonly seconds: number;
    }
  | { readonly state: 'lost' };

/** The walk over the table, and three more for what keeps coming in behind the cursor. */
export const lastPass = 4;

/**
 * Runs batches until the migration is done, the time is up, or a longer rest is due. One lane begins the first walk over the table; once it
 * is known what a batch takes, several may go on with what is ahead. What came in behind them is looked for by one.
 *
 * @param passes Walks over the table at most.
 */
export async function runSlice(
  input: SliceInput,
  claimed: Checkpoint,
  schedule: Schedule,
  passes = lastPass,
): Promise<Progress> {
  const { database, migration, table } = input;
  const { batch_size: most = migration.pace.maxRows, lanes: asked = migration.lanes } = claimed.request;
  const options = { ...migration.pace, maxRows: Math.min(most, migration.pace.maxRows) };
  // What operators set meanwhile counts from the next batch on, which is the next slice's.
  const controls = JSON.stringify(claimed.controls);
  // Where it rests between batches, nobody waits for the way to the database.
  const rests = migration.within !== undefined || migration.pace.restSeconds !== undefined;
  const began = performance.eventLoopUtilization();
  let isTuned = false;
  let batches = 0;
  let lanes = 1;
  const onBatch: WalkInput['onBatch'] = (at, pace) => {
    isTuned = JSON.stringify(at.controls) !== controls;
    batches += 1;
    if (at.range === undefined) {
      const { utilization: busy } = performance.eventLoopUtilization(began);
      lanes = lanesFor(at, pace, asked ?? (rests ? 1 : undefined), { batches, busy });
    }
  };
  const afterLast = async (at: Checkpoint): Promise<Checkpoint | 'none'> => {
    const isLast = at.pass >= passes || (await isLastPass(database, table, migration, at));
    return isLast ? 'none' : ((await nextPass(database, at)) ?? at);
  };
  const errors = { all: claimed.rowErrors, ofThisRun: claimed.rowErrorsOfThisRun };
  const isOver = () => input.isOver() || isTuned;
  const common = { ...input, schedule, errors, onBatch, afterLast, isOver };

  const walkOn = (at: Checkpoint, pace: Pace): Promise<Walked> =>
    at.lanes > 0
      ? walkInLanes({ ...common, pace, lanes: asked ?? at.lanes, oneAtWork: asked === undefined }, at)
      : walk({ ...common, pace, isOver: () => isOver() || lanes > 1, lanes: 1 }, at);

  let walked = await walkOn(claimed, startPace(options, claimed.secondsPerRow, claimed.roundTrip));
  while (walked.state === 'more' && walked.rest.seconds === 0 && !isOver()) {
    const { pace, longest, seconds } = walked;
    const cut = lanes > 1 ? await cutRanges(database, table, walked.at, lanes, pace.size) : undefined;
    lanes = 1;
    const next = await walkOn(cut ?? walked.at, pace);
    walked = { ...next, longest: longerOf(longest, next.longest), seconds: seconds + next.seconds };
  }
  const { state, at, rest, pace, longest, seconds } = walked;
  switch (state) {
    case 'lost':
      return { state };
    case 'done':
      return { state, at, longest, seconds };
    case 'more': {
      const whole = { ...rest, seconds: Math.ceil(rest.seconds) };
      await remember(database, at, { seconds, secondsPerRow: pace.secondsPerRow, rest: whole });
      return { state, at, longest, rest: whole };
    }
  }
}

/** Whether all is done: nothing in the old form is left behind the cursor, as far as a few more passes can see to it. */
async function isLastPass(
  database: Database,
  table: Table,
  { where }: RowMigration,
  at: Checkpoint,
): Promise<boolean> {
  // Without a condition that migrated rows no longer match, another pass would change them again.
  const isUnmarked = where === undefined && table.marker === undefined;
  if (isUnmarked || (at.pass > 1 && at.passUpdated === 0)) {
    return true;
  }
  return !(await mayBeLeft(database, table, needsChange(table, at.pass + 1, where), at));
}
