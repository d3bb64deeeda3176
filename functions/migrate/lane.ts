import type { Lane, LaneSlice, NotBegun } from '../contract.ts';
import { describeTable } from '../engine/database/table.ts';
import { columnsNeeded } from '../engine/define/row-options.ts';
import { scheduleOf } from '../engine/schedule/schedule.ts';
import { tuned } from '../engine/schedule/tuned.ts';
import { runLane } from '../engine/slice/slice.ts';
import { restOf, tell } from './batches.ts';
import { ofRows } from './registry.ts';
import { isPartOver, sliceOf, type Turn, withClaim } from './turn.ts';

// Should the lane find nothing to do while others still are at work, it does not ask again at once.
const secondsBetweenAsking = 1;

/** Runs one slice of one of the lanes that go on with a migration at once. */
export function lane(turn: Turn, which: Lane): Promise<LaneSlice | NotBegun> {
  return withClaim(
    turn,
    async (at) => {
      const { database, clock, logger } = turn.engine;
      const migration = tuned(ofRows(turn.migration), at.controls.tuned);
      const table = await describeTable(database, { ...migration, columns: columnsNeeded(migration) });
      const schedule = await scheduleOf({ database, clock, logger }, migration, table, at);
      const progress = await runLane(sliceOf(turn, migration, table), at, schedule, which);
      tell(turn, 'slice of a lane', progress, progress.did);
      if (progress.state === 'more') {
        return isPartOver(turn, at)
          ? { state: 'continued', ...restOf(progress) }
          : { state: 'more', ...which, ...restOf(progress) };
      }
      const isIdle = progress.state === 'done' && progress.did.processed === 0;
      return { state: 'done', ...which, rest_seconds: isIdle ? secondsBetweenAsking : 0 };
    },
    { isLane: true },
  );
}
