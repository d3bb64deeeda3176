import type { Statements } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Column, Key } from '../database/table.ts';
import type { Batch, BatchInput, Page, ReadAhead } from '../define/batch.ts';
import { checker } from '../define/checks.ts';
import type { Migration, RowOptions } from '../define/migration.ts';
import type { RowMigration } from '../define/registered.ts';
import { rowMigration } from '../define/row-options.ts';
import { DatabaseError, MigrationFailed, messageOf } from '../errors.ts';
import { move } from '../ledger/checkpoint.ts';
import { keysWithout, type RowError, refused, withRowErrors } from '../ledger/row-errors.ts';
import { badRows } from './bad-rows.ts';
import type { Change, PageToRead, WrittenRow } from './rewrite-change.ts';
import { type ReadRow, readPage } from './rewrite-read.ts';
import { type PreparedPage, rowByRow, writePage } from './rewrite-write.ts';
import { decode, encode, isJsonNull, type RowOf } from './row-values.ts';

/** What a rewrite says of itself. `R` is the row as `transform` sees it. */
export interface RewriteOptions<R extends RowOf = RowOf> extends RowOptions {
  /** The columns that the change reads or writes, apart from the key, which is always there to read. */
  readonly columns: readonly NoInfer<keyof R & string>[];
  /**
   * The new values of the columns that change; nothing (`undefined`) leaves the row as it is. A throw makes it a row
   * error. It must be a function of the row alone: a row that the application changes meanwhile is read and transformed
   * again.
   *
   * Values: json and jsonb as parsed; bytea as Uint8Array; boolean, and smallint, integer, real and double as number;
   * everything else as PostgreSQL's text, so that nothing is lost (bigint and numeric too). NULL is null, and so is the JSON
   * value null: returned as it came, it stays which of the two it was; a null that is new is NULL. A new value that JSON cannot
   * say exactly (NaN inside a document, a Map, a function) makes it a row error.
   */
  readonly transform: (row: R) => Changes<R> | Promise<Changes<R>>;
}

type Changes<R> = Partial<NoInfer<R>> | undefined;

/**
 * A migration whose change is TypeScript, one row at a time. Rows are read, transformed and written back only where
 * nobody has changed them since.
 *
 * @example
 * export const ordersTotalCents = rewrite<{ id: number; total: string; cents: number | null }>({
 *   name: 'orders-total-cents',
 *   table: 'orders',
 *   key: 'id',
 *   columns: ['total', 'cents'],
 *   where: sql`cents IS NULL`,
 *   transform: ({ total }) => ({ cents: Math.round(Number(total) * 100) }),
 * });
 *
 * @throws MigrationFailed for options that cannot work: what was wrong, what was got, what is allowed.
 */
export function rewrite<R extends RowOf = RowOf>(options: RewriteOptions<R>): Migration {
  const base = rowMigration(options);
  const check = checker(options.name);
  check(Array.isArray(options.columns), 'columns', options.columns, 'a list of columns');
  check(options.columns.length > 0, 'columns', options.columns, 'at least one column');
  check(
    new Set(options.columns).size === options.columns.length,
    'columns',
    options.columns,
    'each column once',
  );
  check(
    !options.columns.some((column) => base.key.includes(column)),
    'columns',
    options.columns,
    'columns outside the key: it is always there to read, and the cursor needs it unchanged',
  );
  check(
    !options.columns.includes(base.marker as string),
    'marker',
    base.marker,
    'a column that "columns" does not name',
  );
  check(typeof options.transform === 'function', 'transform', options.transform, 'a function');
  const change: Change = {
    name: base.name,
    where: base.where,
    journal: base.onInvalid === 'restore',
    columns: options.columns,
    transform: options.transform as Change['transform'],
  };
  const migration: RowMigration = {
    ...base,
    kind: 'rewrite',
    columns: options.columns,
    batch: (input, page) => batch(change, input, page),
    badRows: (input, page, most) => badRowsOf(change, input, page, most),
  };
  return migration;
}

/**
 * Two statements: read a page, then write what it became and move the checkpoint. While a page is written, the next one is
 * read and transformed; should a row of it change before its turn, it is read again like any other.
 */
async function batch(change: Change, input: BatchInput, page: Page): Promise<Batch | undefined> {
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
  const next = last !== undefined && count === size ? pageAfter(change, input, last, page.size) : undefined;
  const done = await writing;
  return done && { ...done, ...(next !== undefined && { readAhead: next }) };
}

/** The rows of a page that the database refuses as `transform` has made them. */
async function badRowsOf(
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

function pageAfter(change: Change, { at, database, table }: BatchInput, after: Key, size: number): ReadAhead {
  const prepared = prepare(change, { database, table, at: { ...at, cursor: after }, page: { size } });
  // The next batch sees a failure when it awaits this. If the write fails first, nobody does, which is no fault.
  prepared.catch(() => undefined);
  return { after, size, prepared };
}

/** Rewrites rows that the application changed between our read and our write: locked in between, so that it cannot happen again. */
function rewriteLocked(change: Change, input: BatchInput, keys: readonly Key[]): Promise<Batch | undefined> {
  const { at, database, table } = input;
  return database.transaction(async (tx) => {
    await tx.execute(sql`SELECT set_config('lock_timeout', '2s', true)`);
    const page = { keys };
    const prepared = await prepare(change, { database: tx, table, at, page, isLocked: true });
    const done = await write(change, { ...input, database: tx }, page, prepared);
    if (done !== undefined && done.at.conflicted.length > keysWithout(at.conflicted, keys).length) {
      throw new DatabaseError(refused, 'row', null);
    }
    return done;
  });
}

/** Reads a page and transforms its rows. */
async function prepare(change: Change, toRead: PageToRead): Promise<PreparedPage> {
  const { table } = toRead;
  const read = await readPage(change, toRead);
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  const kept = columns.map(() => undefined);
  const rows: WrittenRow[] = [];
  const errors: RowError[] = [];
  let wrongReturns = 0;
  for (const row of read.rows) {
    if (!row.changes) {
      rows.push({ key: row.key, xmin: row.xmin, values: kept });
      continue;
    }
    try {
      // Not awaited unless it is a promise: a turn of the event loop for each row would cost more than most transforms.
      const returned = change.transform(decode(table, columns, row));
      const changes = returned instanceof Promise ? await returned : returned;
      const values = encoded(change, columns, row, changes);
      // A row that stays as it is has still to be marked.
      const written = values ?? (table.marker && kept);
      if (written !== undefined) {
        rows.push({ key: row.key, xmin: row.xmin, values: written });
      }
    } catch (error) {
      wrongReturns += error instanceof WrongReturn ? 1 : 0;
      errors.push({ key: row.key, reason: messageOf(error), sqlstate: null });
    }
  }
  // If the first rows all do it, it is not the rows.
  const [first] = errors;
  if (first !== undefined && toRead.at.batches === 0 && wrongReturns === read.rows.length) {
    throw new MigrationFailed(`migration "${change.name}", row (${first.key.join(', ')}): ${first.reason}`);
  }
  return { read, rows, errors };
}

async function write(
  change: Change,
  input: Omit<BatchInput, 'database'> & { readonly database: Statements },
  page: Page,
  prepared: PreparedPage,
): Promise<Batch | undefined> {
  const { read, errors } = prepared;
  const done = await move(input.database, input.at, writePage(change, input, page, prepared));
  if (!done) {
    return undefined;
  }
  const at = withRowErrors(done.at, errors.length);
  const passEnded = 'size' in page && read.count < page.size && at.conflicted.length === 0;
  const bytesPerRow = read.rows.length === 0 ? 0 : read.bytes / read.rows.length;
  return { at, rows: read.count, bytesPerRow, passEnded };
}

/** What `transform` returned is not what it may return: as a rule the fault of one row, so it is recorded like a throw. */
class WrongReturn extends TypeError {}

/** The new values, encoded for the write; undefined if there are none and the row stays as it is. Throws what is wrong. */
function encoded(
  { columns: allowed }: Change,
  columns: readonly Column[],
  row: ReadRow,
  changes: Partial<RowOf> | undefined,
): WrittenRow['values'] | undefined {
  if (changes === undefined) {
    return undefined;
  }
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    const got = Array.isArray(changes) ? 'an array' : changes === null ? 'null' : `a ${typeof changes}`;
    throw new WrongReturn(`transform returned ${got}; allowed is an object with new values, or nothing`);
  }
  const names = Object.keys(changes);
  const unknown = names.filter((name) => !allowed.includes(name));
  if (unknown.length > 0) {
    throw new WrongReturn(
      `transform returned ${unknown.join(', ')}, which "columns" does not name (${allowed.join(', ')}); add it there, or leave ` +
        'it out',
    );
  }
  if (names.length === 0) {
    return undefined;
  }
  return columns.map((column, i) => {
    // Of JSON, null may be two things: no value, or the value null. Returned as it came, it stays which it was.
    const staysJsonNull = changes[column.name] === null && isJsonNull(column, row.values[i]);
    return Object.hasOwn(changes, column.name) && !staysJsonNull
      ? encode(column, changes[column.name])
      : undefined;
  });
}
