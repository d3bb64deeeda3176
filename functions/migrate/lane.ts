import type { Lane, LaneSlice, NotBegun } from '../contract.ts';
import { describeTable } from '../engine/database/table.ts';
import { columnsNeeded } from '../engine/define/row-options.ts';
import { scheduleOf } from '../engine/schedule/schedule.ts';
import { tuned } from '../engine/schedule/tuned.ts';
import { runLane } from '../engine/slice/slice.ts';
import { restOf } from './batches.ts';
import { ofRows } from './registry.ts';
import { toldSlice } from './told-slice.ts';
import { isPartOver, sliceOf, type Turn, withClaim } from './turn.ts';

// Should the lane find nothing to do while others still are at work, it does not ask again at once.
const secondsBetweenAsking = 1;

/** Runs one slice of one of the lanes that go on with a migration at once. */
export function lane(turn: Turn, which: Lane): Promise<LaneSlice | NotBegun> {
  return withClaim(
    turn,
    async (at) => {
      const { engine, tally } = turn;
      const { database, clock, logger } = engine;
      const migration = tuned(ofRows(turn.migration), at.controls.tuned);
      const { lanes = migration.lanes } = at.request;
      if (lanes !== which.of) {
        // Somebody has tuned it since: once all lanes have ended, the machine has as many as are wanted now.
        return { state: 'done', ...which, rest_seconds: 0 };
      }
      const table = await describeTable(database, { ...migration, columns: columnsNeeded(migration) });
      const schedule = await scheduleOf({ database, clock, logger, tally }, migration, table, at);
      const work = () => runLane(sliceOf(turn, migration, table), at, schedule, which);
      const progress = await toldSlice(turn, work, which);
      if (progress.state === 'more') {
        return isPartOver(turn, at)
          ? { state: 'continued', ...restOf(progress) }
          : { state: 'more', ...which, ...restOf(progress) };
      }
      const isIdle = progress.state === 'done' && tally.processed === 0;
      return { state: 'done', ...which, rest_seconds: isIdle ? secondsBetweenAsking : 0 };
    },
    { isLane: true },
  );
}
