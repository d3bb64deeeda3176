import { mostLanes } from '../../contract.ts';
import type { Pace } from '../batch/batch-size.ts';
import type { RowMigration } from '../define/registered.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';

// Fewer batches for a lane are not worth a cut.
const leastBatches = 4;
// From how many batches on the pace is known: batches begin small, and get no more than four times as large each time.
const batchesToLearn = 4;
// A way that takes less than this part of a batch is not worth a second lane.
const worthHiding = 0.05;

/**
 * How many lanes are to walk what is ahead of a checkpoint: as many as were asked for, if there are rows enough for them. Unless somebody
 * asked, as many as keep one statement at work: with s seconds for a row, of which the database is at work b, one lane keeps it at work for b / s
 * of the time, so s / b lanes do all of it; but no more than this Lambda's processor has room for.
 *
 * @param asked By the input, by an operator, or by the author of the migration; undefined where nobody did.
 * @param batches How many batches this invocation has done before the last one.
 * @param busy For what part of the time this Lambda was at work itself, from 0 to 1.
 */
export function lanesFor(
  at: Pick<Checkpoint, 'pass' | 'conflicted' | 'rowsKnown' | 'totalProcessed'>,
  pace: Pick<Pace, 'size' | 'secondsPerRow' | 'busyPerRow'>,
  asked: number | undefined,
  { batches, busy }: { readonly batches: number; readonly busy: number },
): number {
  const { secondsPerRow, busyPerRow } = pace;
  if (at.pass > 1 || at.conflicted.length > 0 || secondsPerRow === null || busyPerRow === null) {
    return 1;
  }
  const room = Math.floor((at.rowsKnown - at.totalProcessed) / pace.size / leastBatches);
  if (asked !== undefined) {
    return Math.max(1, Math.min(asked, room));
  }
  const atWork = busyPerRow / secondsPerRow;
  if (batches < batchesToLearn || atWork > 1 - worthHiding) {
    return 1;
  }
  return Math.max(1, Math.min(Math.ceil(1 / atWork), Math.floor(1 / busy), mostLanes, room));
}

/** Whether a migration rests between batches as its author or an operator wants: nobody waits for the way to the database then. */
export function rests({ within, pace }: RowMigration): boolean {
  return within !== undefined || pace.restSeconds !== undefined;
}

/** Whether the machine spreads lanes over several invocations: where a row takes this Lambda longer than the database. */
export function spreads({ kind }: RowMigration, asked: number | undefined): asked is number {
  return kind === 'rewrite' && asked !== undefined && asked > 1;
}
