import type { Database } from '../database/data-api.ts';
import type { Key } from '../database/table.ts';
import type { Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { RowError } from '../ledger/row-errors.ts';
import { isAnyRangeSuspect, type Transforming, transformingWhenEnded } from '../ledger/transforming.ts';

/**
 * What may have ended the Lambda before, by a loop behind an `await`: the next rows, which are then taken one by one, and if that ends it
 * again, the very row. What had been read ahead stands behind a page that may not have been written any more.
 */
export async function suspectOf(
  database: Database,
  { transformSeconds }: RowMigration,
  at: Checkpoint,
): Promise<Transforming | undefined> {
  const found =
    transformSeconds === undefined ? undefined : await transformingWhenEnded(database, at, transformSeconds);
  return found && { ...found, rows: 2 * found.rows };
}

/** Whether the lanes of one invocation are to walk one after the other: else nobody could tell which of them ends it. */
export async function areLanesSuspect(
  database: Database,
  { transformSeconds }: RowMigration,
  at: Checkpoint,
): Promise<boolean> {
  return at.lanes > 0 && transformSeconds !== undefined && isAnyRangeSuspect(database, at, transformSeconds);
}

/** The row error of a row that was being transformed, alone, when the Lambda was ended. */
export const neverThrough = (key: Key): RowError => ({
  key,
  reason: 'transform did not come to an end, and the Lambda was ended with it',
  sqlstate: null,
});

/**
 * After such a row. There may be another one close by, and a Lambda that is ended three times in a row is not started again: the rest ends this
 * invocation, so that the next one counts from the beginning.
 */
export const restAfterIt: Rest = {
  seconds: 1,
  reason: 'a row was found whose transform does not come to an end',
};
