import { identifier, join, type Sql, sql, unsafeSql, when, withCtes } from '../database/sql.ts';
import {
  type Column,
  compare,
  keyAsJson,
  keyColumns,
  keyName,
  keyNames,
  marked,
  namedKey,
  type Table,
  valueName,
} from '../database/table.ts';
import type { BatchInput, Page } from '../define/batch.ts';
import { listWithout } from '../ledger/conflicted.ts';
import { heldBy, moved } from '../ledger/move.ts';
import { type RowError, recorded, solved, updatedUnlessMatching } from '../ledger/row-errors.ts';
import type { RowByRow } from './bad-rows.ts';
import { type ChangedColumn, newValues } from './new-values.ts';
import { processedOf } from './page.ts';
import { received } from './received.ts';
import type { Change, WrittenRow } from './rewrite-change.ts';
import type { ReadPage } from './rewrite-read.ts';
import { before, countJournaled, journaled } from './undo-journal.ts';

/** A page that is read and transformed: all that is left is to write it. */
export interface PreparedPage {
  readonly read: ReadPage;
  readonly rows: readonly WrittenRow[];
  readonly errors: readonly RowError[];
}

/**
 * The statement that writes the rows which are still what was read, records those whose transform threw, keeps the keys
 * of those that somebody has changed, and moves the checkpoint. `values` are the new values as JSON.
 */
export function writePage(
  change: Change,
  { table, at, seconds, secondsPerRow }: Omit<BatchInput, 'database'>,
  page: Page,
  { read, rows, errors }: PreparedPage,
  values: Sql,
): Sql {
  const behind = 'keys' in page;
  return withCtes(
    [
      heldBy(at),
      ...(rows.length > 0 ? changed(change, table, rows, values) : nothingChanged(table)),
      ...solved(table, at),
      ...(change.journal && rows.length > 0 ? [journaled(table, at)] : []),
      ...(errors.length > 0 ? [recorded(at, errors)] : []),
      moved(at, {
        ...(!behind && read.last !== undefined && { cursor: sql`${JSON.stringify(read.last)}::jsonb` }),
        conflicted: sql`${listWithout(at, behind ? page.keys : [])} || (SELECT keys FROM "conflicted#")`,
        processed: processedOf(table, at, page, sql`${read.count}`),
        updated: updatedUnlessMatching,
        seconds,
        secondsPerRow,
        ...(change.journal && rows.length > 0 && { after: countJournaled }),
      }),
    ],
    sql`SELECT * FROM "moved#"`,
  );
}

/** The CTEs of a page without a row to write. */
function nothingChanged(table: Table): Sql[] {
  return [
    sql`
    "changed_rows#" AS (SELECT ${namedKey(table)} FROM ${table.name} WHERE false)`,
    sql`
    "done#" AS (SELECT 0 AS updated, 0 AS still_matching)`,
    sql`
    "conflicted#" AS (SELECT '[]'::jsonb AS keys)`,
  ];
}

/**
 * The CTEs of the change itself. The new values are one JSON parameter, since the Data API takes no arrays. A version of
 * a row is known by the transaction that wrote it: where `xmin` is another by now, the row is left as the application
 * made it. PostgreSQL checks that again on the row's latest version after waiting for a lock.
 */
function changed(change: Change, table: Table, rows: readonly WrittenRow[], values: Sql): Sql[] {
  const columns = changedColumns(change, table, rows);
  const newKey = newKeyOf(table);
  const isWhatWasRead = unchangedSinceRead(table);
  const assigned = join([...assignments(table, columns, rows), ...marked(table)], ', ');
  const changedKey = join(newKey, ', ');
  const returned = sql`${changedKey}, ${isChanged} AS "changed#", ${stillMatching(change)} AS still_matching`;
  return [
    sql`
    "new#" AS MATERIALIZED (
      SELECT "sent#".* FROM "held#", ${asRows(table, columns, values)}
    )`,
    ...(change.journal ? changedWithOld() : [changedAlone()]),
    sql`
    "done#" AS MATERIALIZED (
      SELECT count(*) AS written, count(*) ${when(table.marker, sql`FILTER (WHERE "changed#")`)} AS updated,
        count(*) FILTER (WHERE still_matching) AS still_matching
      FROM "changed_rows#"
    )`,
    sql`
    "conflicted#" AS MATERIALIZED (
      SELECT CASE WHEN written = ${rows.length} THEN '[]'::jsonb ELSE COALESCE((
        SELECT jsonb_agg(${keyAsJson(keyNames(table))}) FROM (
          SELECT ${changedKey} FROM "new#" EXCEPT SELECT ${join(keyNames(table), ', ')} FROM "changed_rows#"
        ) AS "missed#"), '[]') END AS keys
      FROM "done#"
    )`,
  ];

  function changedAlone(): Sql {
    return sql`
    "changed_rows#" AS (
      UPDATE ${table.name} SET ${assigned} FROM "new#" WHERE ${isWhatWasRead} RETURNING ${returned}
    )`;
  }

  /** For the undo journal, which keeps what the rows were. */
  function changedWithOld(): Sql[] {
    const oldKey = table.key.map((_, i) => sql`"old#".${keyName(i)}`);
    return [
      sql`
    "old#" AS MATERIALIZED (
      SELECT ${changedKey}, ${before(table, change.columns)} FROM ${table.name}, "new#" WHERE ${isWhatWasRead}
    )`,
      sql`
    "changed_rows#" AS (
      UPDATE ${table.name} SET ${assigned}
      FROM "new#", "old#" WHERE ${isWhatWasRead} AND ${compare(oldKey, '=', newKey)}
      RETURNING ${returned}, "before#", "was#"
    )`,
    ];
  }
}

/** The page as rows to try one by one. */
export function rowByRow(change: Change, table: Table, rows: readonly WrittenRow[]): RowByRow {
  const columns = changedColumns(change, table, rows);
  const names = [
    ...['x#', 'kept#', 'stays#'].map((name) => identifier(name)),
    ...keyNames(table),
    ...columns.map(({ i }) => valueName(i)),
  ];
  return {
    table,
    ahead: asJson(change, table, rows),
    rows: sql`SELECT * FROM ${asRows(table, columns, received)}`,
    change: (row) => ({
      update: sql`
        WITH "new#" AS (SELECT ${join(
          names.map((name) => sql`${row}.${name} AS ${name}`),
          ', ',
        )})
        UPDATE ${table.name} SET ${join([...assignments(table, columns, rows), ...marked(table)], ', ')}
        FROM "new#" WHERE ${unchangedSinceRead(table)}`,
      matches: stillMatching(change),
    }),
  };
}

/** The new values of rows as one text. */
export function asJson(change: Change, table: Table, rows: readonly WrittenRow[]): string {
  return newValues(changedColumns(change, table, rows), rows);
}

/** The columns that some row of the page changes. */
function changedColumns(change: Change, table: Table, rows: readonly WrittenRow[]): ChangedColumn[] {
  return change.columns
    .map((name, i): ChangedColumn => ({ ...(table.columns.get(name) as Column), i }))
    .filter(({ i }) => rows.some(({ values }) => values[i] !== undefined));
}

const newKeyOf = (table: Table): Sql[] => table.key.map((_, i) => sql`"new#".${keyName(i)}`);

/** A condition over a row of the table and what it is to become, of "new#". */
const unchangedSinceRead = (table: Table): Sql =>
  sql`${compare(keyColumns(table), '=', newKeyOf(table))} AND ${table.alias}.xmin = "new#"."x#"`;

const isChanged = sql`"stays#" IS NULL`;

const stillMatching = (change: Change): Sql => sql`${isChanged} AND (${change.where ?? sql`false`})`;

/** What to select the new values from, which come as JSON, as "sent#". */
function asRows(table: Table, columns: readonly ChangedColumn[], values: Sql): Sql {
  const fields = [
    ...table.key.map(({ type }, i) => sql`${keyName(i)} ${unsafeSql(type)}`),
    ...columns.map(
      ({ form, type, i }) => sql`${valueName(i)} ${unsafeSql(form === 'bytes' ? 'text' : type)}`,
    ),
  ];
  // jsonb is the faster one by a third, but puts the keys of an object in its own order, which the type json keeps.
  const json = unsafeSql(columns.some(({ form }) => form === 'json') ? 'json' : 'jsonb');
  return sql`${json}_to_recordset(${values}::${json})
        AS "sent#" ("x#" xid, "kept#" jsonb, "stays#" boolean, ${join(fields, ', ')})`;
}

function assignments(table: Table, columns: readonly ChangedColumn[], rows: readonly WrittenRow[]): Sql[] {
  return columns.map(({ name, form, i }) => {
    const column = identifier(name);
    const value = form === 'bytes' ? sql`decode(${valueName(i)}, 'base64')` : valueName(i);
    if (rows.every(({ values }) => values[i] !== undefined)) {
      return sql`${column} = ${value}`;
    }
    const isKept = sql`jsonb_exists("kept#", ${`v#${i}`})`;
    return sql`${column} = CASE WHEN ${isKept} THEN ${table.alias}.${column} ELSE ${value} END`;
  });
}
