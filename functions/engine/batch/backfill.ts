import { number } from 'valibot';
import { identifier, join, type Sql, sql, unsafeSql, when, withCtes } from '../database/sql.ts';
import { compare, keyColumns, keyNames, marked, namedKey, type Table } from '../database/table.ts';
import type { Batch, BatchInput, Page } from '../define/batch.ts';
import { checker, checkSql } from '../define/checks.ts';
import type { Migration, RowOptions } from '../define/migration.ts';
import type { RowMigration } from '../define/registered.ts';
import { rowMigration } from '../define/row-options.ts';
import { type Checkpoint, heldBy, move, moved } from '../ledger/checkpoint.ts';
import { recordedRefused, recordedStillMatching, solved, withRowErrors } from '../ledger/row-errors.ts';
import { inKeyOrder, insidePage, lastKey, pageOf } from './page.ts';
import { takenBy } from './rows-in-need.ts';
import { before, journaled } from './undo-journal.ts';

/** What a backfill says of itself. */
export interface BackfillOptions extends RowOptions {
  /** The new values, one SQL expression for each column, over the row as it is: `{ full_name: sql`first_name || ' ' || last_name` }`. */
  readonly set: Readonly<Record<string, Sql>>;
}

/**
 * A migration whose change is SQL: `UPDATE table SET … WHERE …`, in batches. Rows never leave the database.
 *
 * @example
 * export const usersFullName = backfill({
 *   name: 'users-full-name',
 *   table: 'users',
 *   key: 'id',
 *   where: sql`full_name IS DISTINCT FROM first_name || ' ' || last_name`,
 *   set: { full_name: sql`first_name || ' ' || last_name` },
 *   validate: [noNulls('full_name')],
 * });
 *
 * @throws MigrationFailed for options that cannot work: what was wrong, what was got, what is allowed.
 */
export function backfill(options: BackfillOptions): Migration {
  const base = rowMigration(options);
  const check = checker(options.name);
  const isObject = typeof options.set === 'object' && options.set !== null && !Array.isArray(options.set);
  check(isObject, 'set', options.set, 'an object with SQL for each column that changes');
  const columns = Object.keys(options.set);
  check(columns.length > 0, 'set', options.set, 'at least one column');
  check(
    !columns.some((column) => base.key.includes(column)),
    'set',
    columns,
    'columns outside the key, which the cursor needs',
  );
  check(!columns.includes(base.marker ?? ''), 'marker', base.marker, 'a column that "set" does not change');
  const set = Object.fromEntries(
    Object.entries(options.set).map(([column, value]) => [
      column,
      checkSql(options.name, `set.${column}`, value),
    ]),
  );
  const change: Change = { where: base.where, set, journal: base.onInvalid === 'restore' };
  const migration: RowMigration = {
    ...base,
    kind: 'backfill',
    columns,
    batch: (input, page) => batch(change, input, page),
  };
  return migration;
}

interface Change {
  readonly where: Sql | undefined;
  readonly set: BackfillOptions['set'];
  readonly journal: boolean;
}

/** One statement: takes the page's keys, changes the rows among them that need it, moves the checkpoint. */
async function batch(change: Change, input: BatchInput, page: Page): Promise<Batch | undefined> {
  const { database, table, at, seconds, secondsPerRow } = input;
  const behind = 'keys' in page;
  // Unless a key of one column has an end on both sides, the planner takes the page for a third of the table, and may read
  // all of it; where the rows are read first, they are limited.
  const unbounded = at.cursor === null || table.key.length > 1;
  const readsFirst = change.journal || table.marker !== undefined || unbounded || table.hasBeforeTrigger;
  const done = await move(
    database,
    at,
    withCtes(
      [
        heldBy(at),
        ...pageOf(table, at, page),
        ...(readsFirst ? changedAfterReading(change, table, at, page) : [changed(change, table, at, page)]),
        sql`
        "done#" AS MATERIALIZED (
          SELECT count(*) ${when(readsFirst, sql`FILTER (WHERE "changed#")`)} AS updated,
            count(*) FILTER (WHERE still_matching) AS still_matching
          FROM "changed_rows#"
        )`,
        ...solved(table, at),
        ...(change.journal ? [journaled(table, at)] : []),
        recordedStillMatching(table, at),
        ...(table.hasBeforeTrigger ? [recordedRefused(table, at, differs(change, table))] : []),
        moved({
          ...(!behind && { cursor: sql`COALESCE(${lastKey(table)}, m.cursor)` }),
          processed: at.pass === 1 && !behind ? sql`(SELECT page_rows FROM "counted#")` : sql`0`,
          updated: sql`(SELECT updated - still_matching FROM "done#")`,
          stillMatching: sql`(SELECT still_matching FROM "done#")`,
          seconds,
          secondsPerRow,
        }),
      ],
      sql`
      SELECT "moved#".*, page_rows,
        ${table.hasBeforeTrigger ? sql`(SELECT count(*) FROM "refused#")` : sql`0`} AS refused
      FROM "moved#", "counted#"`,
    ),
    { page_rows: number(), refused: number() },
  );
  if (!done) {
    return undefined;
  }
  const { page_rows: rows, refused } = done.row;
  const after = withRowErrors(done.at, done.at.stillMatching - at.stillMatching + refused);
  return { at: after, rows, bytesPerRow: 0, passEnded: 'size' in page && rows < page.size };
}

/** Whether the change makes a row different; undefined if it surely does, since it then is marked, or no longer matches `where`. */
function differs({ where, set }: Change, table: Table): Sql | undefined {
  if (where !== undefined || table.marker !== undefined) {
    return undefined;
  }
  const changes = Object.entries(set).map(([name, value]) => {
    const type = unsafeSql(table.columns.get(name)?.type ?? '');
    return sql`${table.alias}.${identifier(name)}::text IS DISTINCT FROM (${value})::${type}::text`;
  });
  return sql`(${join(changes, ' OR ')})`;
}

/** The change where nothing but the new values is asked for. */
function changed({ where, set }: Change, table: Table, at: Checkpoint, page: Page): Sql {
  const assignments = Object.entries(set).map(([column, value]) => sql`${identifier(column)} = ${value}`);
  return sql`
    "changed_rows#" AS (
      UPDATE ${table.name} SET ${join(assignments, ', ')}
      WHERE EXISTS (SELECT FROM "held#") AND ${insidePage(table, at, page)} AND ${takenBy(page, table, at, where)}
      RETURNING ${namedKey(table)}, (${where ?? sql`false`}) AS still_matching
    )`;
}

/**
 * The change where its rows are read, and locked, first: because the values before it are needed, for the journal, and only
 * PostgreSQL 18 has the old row in RETURNING; because a marked row may have had nothing to change; because a trigger may
 * refuse the change of a row; or for the plan's sake.
 */
function changedAfterReading(
  { where, set, journal }: Change,
  table: Table,
  at: Checkpoint,
  page: Page,
): Sql[] {
  const mayStay = table.marker !== undefined && where !== undefined;
  const assignments = Object.entries(set).map(([name, value]) => {
    const column = identifier(name);
    const own = sql`${table.alias}.${column}`;
    return sql`${column} = ${mayStay ? sql`CASE WHEN "changed#" THEN ${value} ELSE ${own} END` : value}`;
  });
  return [
    sql`
    "old#" AS MATERIALIZED (
      SELECT ${namedKey(table)}, ${mayStay ? sql`COALESCE((${where ?? null}), false)` : sql`true`} AS "changed#"
        ${when(journal, sql`, ${before(table, Object.keys(set))}`)}
      FROM ${table.name}
      WHERE EXISTS (SELECT FROM "held#") AND ${insidePage(table, at, page)} AND ${takenBy(page, table, at, where)}
      ${inKeyOrder(table, page)}
      FOR UPDATE
    )`,
    sql`
    "changed_rows#" AS (
      UPDATE ${table.name} SET ${join([...assignments, ...marked(table)], ', ')}
      FROM "old#" WHERE ${compare(keyColumns(table), '=', keyNames(table))}
      RETURNING "old#".*, "changed#" AND (${where ?? sql`false`}) AS still_matching
    )`,
  ];
}
