import type { Lane } from '../../contract.ts';
import { type Pace, startPace } from '../batch/batch-size.ts';
import { mayBeLeft, needsChange } from '../batch/rows-in-need.ts';
import type { Database } from '../database/data-api.ts';
import type { Table } from '../database/table.ts';
import type { Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { lanesFor, rests, spreads } from '../lanes/how-many.ts';
import { cutRanges } from '../lanes/ranges.ts';
import { type Checkpoint, remember } from '../ledger/checkpoint.ts';
import { nextPass } from '../ledger/move.ts';
import { areLanesSuspect } from './suspect.ts';
import { nowhere, type Schedule, type SliceInput, type Walked, type WalkInput, walk } from './walk.ts';
import { walkInLanes, walkLane, walkOnFromLanes } from './walk-in-lanes.ts';

/**
 * How far a slice came. `lost`: another invocation holds the claim now, and goes on from the
 * checkpoint.
 */
export type Progress =
  | {
      readonly state: 'more';
      readonly at: Checkpoint;
      readonly rest: Rest;
    }
  | {
      readonly state: 'done';
      readonly at: Checkpoint;
      readonly seconds: number;
    }
  | {
      readonly state: 'lanes';
      readonly at: Checkpoint;
      /** How many invocations are to go on with it at once. */
      readonly lanes: number;
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
  const { asked, pace: first, common } = beginOf(input, claimed, schedule);
  const began = performance.eventLoopUtilization();
  let batches = 0;
  let lanes = 1;
  const onBatch: WalkInput['onBatch'] = (at, pace) => {
    common.onBatch(at);
    const { utilization: busy } = performance.eventLoopUtilization(began);
    lanes =
      at.lanes > 0 ? 1 : lanesFor(at, pace, asked ?? (rests(migration) ? 1 : undefined), { batches, busy });
    batches += 1;
  };
  const afterLast = async (at: Checkpoint): Promise<Checkpoint | 'none'> => {
    const isLast = at.pass >= passes || (await isLastPass(database, table, migration, at));
    return isLast ? 'none' : ((await nextPass(database, at)) ?? at);
  };
  const isSpread = spreads(migration, asked);

  const walkOn = async (at: Checkpoint, pace: Pace): Promise<Walked> => {
    if (at.lanes === 0) {
      const isOver = () => common.isOver() || lanes > 1;
      return walk({ ...common, afterLast, pace, isOver, onBatch, lanes: 1 }, at);
    }
    const all = { ...common, afterLast, pace, lanes: asked ?? at.lanes };
    if (isSpread) {
      return walkOnFromLanes(all, at);
    }
    const takesTurns = asked === undefined;
    const isOneByOne = await areLanesSuspect(database, migration, at);
    return walkInLanes({ ...all, takesTurns, ...(isOneByOne && { lanes: 1 }) }, at);
  };

  let walked: Walked = { ...nowhere(first, claimed), state: 'more' };
  if (claimed.batches > 0) {
    onBatch(claimed, first);
  }
  do {
    const { pace, seconds } = walked;
    const cut = lanes > 1 ? await cutRanges(database, table, walked.at, lanes, pace.size) : undefined;
    lanes = 1;
    const next = await walkOn(cut ?? walked.at, pace);
    walked = { ...next, seconds: seconds + next.seconds };
  } while (walked.state === 'more' && walked.rest.seconds === 0 && !common.isOver());
  if (isSpread && walked.state === 'more' && walked.at.lanes > 0) {
    const { at, pace, seconds } = walked;
    await remember(database, at, { seconds, secondsPerRow: pace.secondsPerRow });
    return { state: 'lanes', at, lanes: asked };
  }
  return progressOf(database, walked);
}

/** Does the same by one of several lanes, while other invocations do it by the others. */
export async function runLane(
  input: SliceInput,
  claimed: Checkpoint,
  schedule: Schedule,
  lane: Lane,
): Promise<Progress> {
  const { pace, common } = beginOf(input, claimed, schedule);
  const afterLast = async (): Promise<'none'> => 'none';
  const walked = await walkLane({ ...common, afterLast, pace, lanes: lane.of }, claimed, lane.number);
  return progressOf(input.database, walked);
}

/** What every walk of an invocation begins with. */
function beginOf(input: SliceInput, claimed: Checkpoint, schedule: Schedule) {
  const { migration } = input;
  const { batch_size: most = migration.pace.maxRows, lanes: asked = migration.lanes } = claimed.request;
  const options = { ...migration.pace, maxRows: Math.min(most, migration.pace.maxRows) };
  // What operators set meanwhile counts from the next batch on, which is the next slice's.
  const controls = JSON.stringify(claimed.controls);
  let isTuned = false;
  const common = {
    ...input,
    schedule,
    isOver: () => input.isOver() || isTuned,
    onBatch: (at: Checkpoint) => {
      isTuned = JSON.stringify(at.controls) !== controls;
    },
  };
  return { asked, pace: startPace(options, claimed.secondsPerRow, claimed.roundTrip), common };
}

/** Leaves to the next slice what it has to know. */
async function progressOf(database: Database, walked: Walked): Promise<Progress> {
  const { state, at, rest, pace, seconds } = walked;
  switch (state) {
    case 'lost':
      return { state };
    case 'done':
      return { state, at, seconds };
    case 'more': {
      const whole = { ...rest, seconds: Math.ceil(rest.seconds) };
      await remember(database, at, { seconds, secondsPerRow: pace.secondsPerRow, rest: whole });
      return { state, at, rest: whole };
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
  return !(await mayBeLeft(database, table, needsChange(table, where, false), at));
}
