import { nextKey } from '../batch/page.ts';
import { TransformTimeout } from '../batch/transform-rows.ts';
import { withheldRows } from '../batch/withheld-rows.ts';
import type { Key } from '../database/table.ts';
import { checkWritable } from '../database/table-lock.ts';
import type { Batch, BatchInput, Page } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { recordRowError, recordRowErrors, rowErrorOf } from '../ledger/row-errors.ts';

// What a slice does about rows that cannot be migrated: finds them in a page, or takes them one by one.

/** Migrates the next row by itself, or records why it cannot be. */
export async function nextRow(migration: RowMigration, input: BatchInput): Promise<Batch | undefined> {
  const { database, table, at } = input;
  const [behind] = at.conflicted;
  // A lock that ends just after the row has timed out would otherwise make it look slow.
  await checkWritable(database, table);
  const key = behind ?? (await nextKey(database, table, at));
  if (key === undefined) {
    return { at, rows: 0, bytesPerRow: 0, passEnded: true };
  }
  return batchOrRowError(migration, input, key, behind === undefined ? 'next' : 'behind');
}

/**
 * Records the bad rows of a page that failed, at most so many, found in one go. Undefined if none was found, or the claim is not ours any
 * more: the page is then tried in smaller ones.
 */
export async function recordBadRows(
  error: DatabaseError,
  migration: RowMigration,
  input: BatchInput,
  page: Page,
  most: number,
): Promise<Checkpoint | undefined> {
  try {
    const isKnown = error instanceof TransformTimeout;
    const errors = isKnown ? [error.row] : await migration.badRows(input, page, most);
    return errors.length > 0 ? await recordRowErrors(input.database, input.at, errors) : undefined;
  } catch (failure) {
    if (failure instanceof TransformTimeout) {
      return recordBadRows(failure, migration, input, page, most);
    }
    if (failure instanceof DatabaseError) {
      return undefined;
    }
    throw failure;
  }
}

/**
 * Records the rows of a page that row-level security withholds from the change, at most so many, before a batch passes over them. Undefined if
 * there are none, or the claim is not ours any more. Where the page is one row and its condition fails, the batch says what is wrong with it.
 */
export async function recordWithheldRows(
  { where }: RowMigration,
  input: BatchInput,
  page: Page,
  most: number,
  { alone }: { readonly alone: boolean },
): Promise<Checkpoint | undefined> {
  if (!input.table.hasRowSecurity) {
    return undefined;
  }
  try {
    const errors = await withheldRows(input, where, page, most);
    return errors.length > 0 ? await recordRowErrors(input.database, input.at, errors) : undefined;
  } catch (error) {
    if (alone && error instanceof DatabaseError && (error.fault === 'row' || error.isTimeout)) {
      return undefined;
    }
    throw error;
  }
}

/** Migrates one row, or records why it cannot be. Throws the moment's DatabaseError while a lock on the table is to blame. */
export async function batchOrRowError(
  migration: RowMigration,
  input: BatchInput,
  key: Key,
  place: 'next' | 'behind',
): Promise<Batch | undefined> {
  try {
    return await migration.batch(input, place === 'next' ? { next: key } : { keys: [key] });
  } catch (error) {
    if (!(error instanceof DatabaseError) || !(error.fault === 'row' || error.isTimeout)) {
      throw error;
    }
    if (error.isTimeout) {
      await checkWritable(input.database, input.table);
    }
    const recorded = await recordRowError(input.database, input.at, rowErrorOf(key, error), place);
    return recorded && { at: recorded, rows: 1, bytesPerRow: 0, passEnded: false };
  }
}
