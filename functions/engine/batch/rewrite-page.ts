import type { Database, Statements } from '../database/data-api.ts';
import { sql, withCtes } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import { limited } from '../database/transaction-limits.ts';
import type { Batch, BatchInput, Page, ReadAhead } from '../define/batch.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import { countWithout } from '../ledger/conflicted.ts';
import { heldBy, move, moved } from '../ledger/move.ts';
import { type RowError, refused, withRowErrors } from '../ledger/row-errors.ts';
import { forgetTransforming, keepTransforming } from '../ledger/transforming.ts';
import { badRows } from './bad-rows.ts';
import { longestRow } from './long-rows.ts';
import { isSendable } from './new-values.ts';
import { keysOf } from './page.ts';
import { received, sendAhead } from './received.ts';
import type { Change, PageToRead } from './rewrite-change.ts';
import { type ReadPage, readPage } from './rewrite-read.ts';
import { asJson, type PreparedPage, rowByRow, writePage } from './rewrite-write.ts';
import { timeOf } from './statement-time.ts';
import { type Transformed, transformRows } from './transform-rows.ts';

/**
 * Migrates a page by two statements: reads it, then writes what it became and moves the checkpoint. While a page is written, the
 * next one is read and transformed; should a row of it change before its turn, it is read again like any other.
 */
export async function rewritePage(change: Change, input: BatchInput, page: Page): Promise<Batch | undefined> {
  const { at, database, table, readAhead } = input;
  if ('keys' in page) {
    return rewriteLocked(change, input, page.keys);
  }
  if (at.conflicted.length > 0) {
    return rewriteLocked(change, input, at.conflicted.slice(0, 'size' in page ? page.size : 1));
  }
  if ('next' in page) {
    return write(change, input, page, await prepare(change, { database, table, at, page }));
  }

  const isNext = readAhead !== undefined && JSON.stringify(readAhead.after) === JSON.stringify(at.cursor);
  const size = isNext ? readAhead.size : page.size;
  const prepared = await (isNext
    ? (readAhead.prepared as Promise<PreparedPage>)
    : prepare(change, { database, table, at, page }));
  const { last, count } = prepared.read;
  const writing = write(change, input, { size }, prepared);
  // Begun after the write, which everything waits for.
  const goesOn = last !== undefined && count === size && !input.readsNoFurther;
  const next = goesOn ? pageAfter(change, input, last, page.size) : undefined;
  const done = await writing;
  return done && { ...done, ...(next !== undefined && { readAhead: next }) };
}

/** Reads a page, transforms its rows and moves the checkpoint past them. No row is written or locked. Throws TransformTimeout. */
export async function transformPage(
  change: Change,
  { database, table, at }: BatchInput,
  page: Page,
): Promise<Batch | undefined> {
  const { read } = await prepare(change, { database, table, at, page });
  const cursor = sql`${JSON.stringify(read.last ?? at.cursor)}::jsonb`;
  const done = await move(
    database,
    at,
    withCtes([heldBy(at), moved(at, { cursor })], sql`SELECT * FROM "moved#"`),
  );
  const passEnded = 'size' in page && read.count < page.size;
  return done && { at: done.at, rows: read.count, bytesPerRow: 0, passEnded };
}

/** The rows of a page that the database refuses as `transform` has made them. */
export async function badRowsOf(
  change: Change,
  { database, table, at }: BatchInput,
  page: Page,
  most: number,
): Promise<readonly RowError[]> {
  const conflicted = 'size' in page ? at.conflicted.slice(0, page.size) : [];
  const tried = conflicted.length > 0 ? { keys: conflicted } : page;
  const { rows } = await prepare(change, { database, table, at, page: tried });
  return rows.length === 0 ? [] : badRows(database, rowByRow(change, table, rows), most);
}

/** Writes a page in one statement; a single row that no request takes is sent ahead of it in pieces. */
async function written(change: Change, input: WriteInput, page: Page, prepared: PreparedPage) {
  const { at, database } = input;
  const { rows } = prepared;
  const json = rows.length > 0 ? asJson(change, input.table, rows) : '';
  if (isSendable(json)) {
    return move(database, at, writePage(change, input, page, prepared, sql`${json}`));
  }
  const bytes = Buffer.byteLength(json);
  if (rows.length > 1 || bytes > longestRow) {
    const most = rows.length > 1 ? '' : `; a rewrite can write ${longestRow}`;
    throw new DatabaseError(`the new values of ${rows.length} rows take ${bytes} bytes${most}`, 'row', null);
  }
  const inTransaction = async (tx: Statements) => {
    await tx.execute(limited(change.transformSeconds));
    await sendAhead(tx, json);
    return move(tx, at, writePage(change, input, page, prepared, received));
  };
  return 'transaction' in database ? database.transaction(inTransaction) : inTransaction(database);
}

function pageAfter(change: Change, { at, database, table }: BatchInput, after: Key, size: number): ReadAhead {
  const next = { ...at, cursor: after, batches: at.batches + 1 };
  const prepared = prepare(change, { database, table, at: next, page: { size } });
  // The next batch sees a failure when it awaits this. If the write fails first, nobody does, which is no fault.
  prepared.catch(() => undefined);
  return { after, size, prepared };
}

/** Rewrites rows that the application changed between our read and our write: locked in between, so that it cannot happen again. */
function rewriteLocked(change: Change, input: BatchInput, keys: readonly Key[]): Promise<Batch | undefined> {
  const { at, database, table } = input;
  return database.transaction(async (tx) => {
    await tx.execute(limited(change.transformSeconds));
    const page = { keys };
    const prepared = await prepare(change, { database: tx, outside: database, table, at, page });
    const done = await write(change, { ...input, database: tx }, page, prepared);
    if (done !== undefined && done.at.conflictedCount > countWithout(at, keys)) {
      throw new DatabaseError(refused, 'row', null);
    }
    return done;
  });
}

/** Reads a page and transforms its rows. */
async function prepare(change: Change, toRead: PageToRead): Promise<PreparedPage> {
  const read = await readPage(change, toRead);
  const { rows, errors, wrongReturns, returnsPromises } = await transformKept(change, toRead, read);
  change.returnsPromises ||= returnsPromises;
  // If the first rows all do it, it is not the rows.
  const [first] = errors;
  if (first !== undefined && toRead.at.batches === 0 && wrongReturns === read.rows.length) {
    throw new MigrationFailed(`migration "${change.name}", its first rows: ${first.reason}`, {
      inFull: `migration "${change.name}", row (${first.key.join(', ')}): ${first.reason}`,
    });
  }
  return { read, rows, errors };
}

/**
 * Transforms the rows of a page, and has the ledger keep what they are meanwhile, where that may end the Lambda: where `transform` returns
 * promises, or a row is alone, which may be suspected of what this process has not seen yet.
 */
async function transformKept(change: Change, toRead: PageToRead, read: ReadPage): Promise<Transformed> {
  const { table, at, page, database, outside = database } = toRead;
  const keys = 'size' in page ? [] : keysOf(page);
  const [key = null] = keys.length === 1 ? keys : [];
  if (read.rows.length === 0 || (!change.returnsPromises && key === null)) {
    return transformRows(change, table, read.rows);
  }
  await keepTransforming(outside, at, { rows: read.count, key });
  try {
    return await transformRows(change, table, read.rows);
  } finally {
    // The row came to its end: whatever fails from here on is not for it to answer for.
    if (key !== null) {
      await forgetTransforming(outside, at);
    }
  }
}

type WriteInput = Omit<BatchInput, 'database'> & { readonly database: Statements | Database };

async function write(
  change: Change,
  input: WriteInput,
  page: Page,
  prepared: PreparedPage,
): Promise<Batch | undefined> {
  const { read, errors } = prepared;
  const done = await written(change, input, page, prepared);
  if (!done) {
    return undefined;
  }
  const at = withRowErrors(done.at, errors.length);
  const passEnded = 'size' in page && read.count < page.size && at.conflicted.length === 0;
  const bytesPerRow = read.rows.length === 0 ? 0 : read.bytes / read.rows.length;
  return { at, rows: read.count, ...timeOf(input.table, done), bytesPerRow, passEnded };
}
