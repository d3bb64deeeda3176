import type { Lane } from '../contract.ts';
import type { Checkpoint } from '../engine/ledger/checkpoint.ts';
import type { Progress } from '../engine/slice/slice.ts';
import type { Tally } from '../engine/slice/tally.ts';
import { type Told, told } from './told.ts';
import type { Turn } from './turn.ts';

/**
 * Does one slice of batches, and tells what came of it.
 *
 * @param lane The lane whose slice it is, where several invocations go on at once.
 */
export function toldSlice(turn: Turn, work: () => Promise<Progress>, lane?: Lane): Promise<Progress> {
  return told(turn, 'slice', work, (progress, seconds) => {
    const { lockWaits } = turn.tally;
    const counted = { ...ofBatches(turn.tally), ...rowsOf(turn.tally, seconds), LockWaits: lockWaits };
    if (progress === undefined || progress.state === 'lost') {
      return { values: counted };
    }
    const pause = progress.state === 'more' ? progress.rest : { seconds: 0 };
    const isHeld = pause.heldSeconds !== undefined;
    const rest = isHeld ? 0 : pause.seconds;
    return {
      pause,
      values: {
        ...counted,
        ...ahead(turn, progress.at, { seconds: seconds + rest, lanes: lane?.of ?? 1 }),
        Lanes: Math.max(1, progress.at.lanes),
        RestSeconds: turn.tally.restedSeconds + rest,
        HoldSeconds: pause.heldSeconds ?? 0,
      },
    };
  });
}

/** What was counted of batches, whatever they did. */
export function ofBatches({ batchSeconds, lockSeconds, triedAgain }: Tally): Told['values'] {
  return { BatchSeconds: batchSeconds, LockSeconds: lockSeconds, FailuresTriedAgain: triedAgain };
}

function rowsOf({ processed, updated, rowErrors, batchSeconds }: Tally, seconds: number): Told['values'] {
  return {
    RowsProcessed: processed,
    RowsUpdated: updated,
    RowErrors: rowErrors,
    // Without a batch, as under pressure, it says nothing about the rate.
    RowsPerSecond: batchSeconds.length > 0 ? processed / seconds : undefined,
  };
}

/** What a migration still has ahead of it; once it has walked over all of its rows, nobody knows how many it finds when it looks again. */
function ahead(
  { engine, tally: { plan, processed } }: Turn,
  { pass, rowsKnown, totalProcessed }: Checkpoint,
  { seconds, lanes }: { readonly seconds: number; readonly lanes: number },
): Told['values'] {
  const left = pass === 1 ? Math.max(0, rowsKnown - totalProcessed) : 0;
  const atThisRate = processed > 0 ? (left * seconds) / (processed * lanes) : undefined;
  return {
    RowsLeft: left,
    SecondsLeft: plan ? Math.max(0, (Date.parse(plan.ends_at) - engine.clock.date()) / 1_000) : atThisRate,
    SecondsLate: plan?.late_seconds,
  };
}
