import type { Statements } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Column, Key, Table } from '../database/table.ts';
import type { Ahead, Batch, Page, Work } from '../define/batch.ts';
import type { RowMigration, RowOptions } from '../define/migration.ts';
import { checker, rowMigration } from '../define/options.ts';
import { DatabaseError, MigrationFailed, messageOf } from '../errors.ts';
import { type Checkpoint, move } from '../ledger/checkpoint.ts';
import { type RowError, without, withRowErrors } from '../ledger/row-errors.ts';
import type { Change } from './rewrite-change.ts';
import { type ReadPage, readPage } from './rewrite-read.ts';
import { type WrittenRow, writePage } from './rewrite-write.ts';
import { decode, encode, type RowOf } from './row-values.ts';

export interface RewriteOptions<R extends RowOf = RowOf> extends RowOptions {
  /** The columns that the change reads or writes, apart from the key, which is always there to read. */
  readonly columns: readonly NoInfer<keyof R & string>[];
  /**
   * The new values of the columns that change; nothing (`undefined`) leaves the row as it is. A throw makes it a row
   * error. It must be a function of the row alone: a row that the application changes meanwhile is read and transformed
   * again.
   *
   * Values: json and jsonb as parsed; bytea as Uint8Array; boolean, and smallint, integer, real and double as number;
   * everything else as PostgreSQL's text, so that nothing is lost (bigint and numeric too). NULL is null.
   */
  readonly transform: (row: R) => Changes<R> | Promise<Changes<R>>;
}

type Changes<R> = Partial<NoInfer<R>> | undefined;

/**
 * A migration whose change is TypeScript, one row at a time. Rows are read, transformed and written back only where
 * nobody has changed them since. Throws MigrationFailed for options that cannot work.
 */
export function rewrite<R extends RowOf = RowOf>(options: RewriteOptions<R>): RowMigration {
  const base = rowMigration(options);
  const check = checker(options.name);
  check(options.columns.length > 0, 'columns', options.columns, 'at least one column');
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
  return {
    ...base,
    kind: 'rewrite',
    columns: options.columns,
    batch: (work, page) => batch(change, work, page),
  };
}

/** A page that is read and transformed: all that is left is to write it. */
interface Prepared {
  readonly read: ReadPage;
  readonly rows: readonly WrittenRow[];
  readonly errors: readonly RowError[];
}

/**
 * Two statements: read a page, then write what it became and move the checkpoint. While a page is written, the next one is
 * read and transformed; should a row of it change before its turn, it is read again like any other.
 */
async function batch(change: Change, work: Work, page: Page): Promise<Batch | undefined> {
  const { at, database, table, ahead } = work;
  if ('keys' in page) {
    return retry(change, work, page.keys);
  }
  if (at.conflicted.length > 0) {
    return retry(change, work, at.conflicted.slice(0, 'size' in page ? page.size : 1));
  }
  if ('next' in page) {
    return write(change, work, page, await prepare(change, table, at, database, page, false));
  }

  const isNext = ahead !== undefined && JSON.stringify(ahead.after) === JSON.stringify(at.cursor);
  const size = isNext ? ahead.size : page.size;
  const prepared = await (isNext
    ? (ahead.prepared as Promise<Prepared>)
    : prepare(change, table, at, database, page, false));
  const { last, count } = prepared.read;
  const writing = write(change, work, { size }, prepared);
  // Begun after the write, which everything waits for.
  const next = last !== undefined && count === size ? aheadOf(change, work, last, page.size) : undefined;
  const done = await writing;
  return done && { ...done, ...(next !== undefined && { ahead: next }) };
}

function aheadOf(change: Change, { at, database, table }: Work, after: Key, size: number): Ahead {
  const prepared = prepare(change, table, { ...at, cursor: after }, database, { size }, false);
  // Whoever awaits it sees the failure; nobody may, if the write fails first.
  prepared.catch(() => undefined);
  return { after, size, prepared };
}

/** What the application changed between our read and our write once, it may change again: these rows are locked between. */
function retry(change: Change, work: Work, keys: readonly Key[]): Promise<Batch | undefined> {
  const { at, database, table } = work;
  return database.transaction(async (tx) => {
    await tx.query(sql`SELECT set_config('lock_timeout', '2s', true)`);
    const prepared = await prepare(change, table, at, tx, { keys }, true);
    const done = await write(change, { ...work, database: tx }, { keys }, prepared);
    if (done !== undefined && done.at.conflicted.length > without(at.conflicted, keys).length) {
      const refused =
        'the row stayed as it was although nobody else changed it: a trigger may have refused the change';
      throw new DatabaseError(refused, 'row', null);
    }
    return done;
  });
}

async function prepare(
  change: Change,
  table: Table,
  at: Checkpoint,
  database: Statements,
  page: Page,
  lock: boolean,
): Promise<Prepared> {
  const read = await readPage(change, table, at, database, page, lock);
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  const rows: WrittenRow[] = [];
  const errors: RowError[] = [];
  for (const row of read.rows) {
    if (!row.changes) {
      rows.push({ key: row.key, xmin: row.xmin, values: columns.map(() => undefined) });
      continue;
    }
    try {
      // Not awaited unless it is a promise: a turn of the event loop for each row would cost more than most transforms.
      const returned = change.transform(decode(table, columns, row));
      const values = encoded(change, columns, returned instanceof Promise ? await returned : returned);
      // A row that stays as it is has still to be marked.
      const kept = table.marker && columns.map(() => undefined);
      const written = values ?? kept;
      if (written !== undefined) {
        rows.push({ key: row.key, xmin: row.xmin, values: written });
      }
    } catch (error) {
      if (error instanceof MigrationFailed) {
        throw error;
      }
      errors.push({ key: row.key, reason: messageOf(error), sqlstate: null });
    }
  }
  return { read, rows, errors };
}

async function write(
  change: Change,
  work: Omit<Work, 'database'> & { readonly database: Statements },
  page: Page,
  { read, rows, errors }: Prepared,
): Promise<Batch | undefined> {
  const done = await move(work.database, work.at, writePage(change, work, page, read, rows, errors));
  if (!done) {
    return undefined;
  }
  const unsettled = done.at.stillMatching - work.at.stillMatching;
  const at = withRowErrors(done.at, errors.length + unsettled);
  const passEnded = 'size' in page && read.count < page.size && at.conflicted.length === 0;
  const bytesPerRow = read.rows.length === 0 ? 0 : read.bytes / read.rows.length;
  return { at, rows: read.count, bytesPerRow, passEnded };
}

/** The new values, encoded for the write; undefined if there are none and the row stays as it is. */
function encoded(
  change: Change,
  columns: readonly Column[],
  changes: Partial<RowOf> | undefined,
): WrittenRow['values'] | undefined {
  if (changes === undefined) {
    return undefined;
  }
  for (const name of Object.keys(changes)) {
    if (change.columns.includes(name)) {
      continue;
    }
    throw new MigrationFailed(
      `migration "${change.name}", transform: it returned ${name}, which "columns" does not name ` +
        `(${change.columns.join(', ')}); add it there, or leave it out`,
    );
  }
  if (Object.keys(changes).length === 0) {
    return undefined;
  }
  return columns.map((column) =>
    Object.hasOwn(changes, column.name) ? encode(column, changes[column.name]) : undefined,
  );
}
