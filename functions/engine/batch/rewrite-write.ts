import { identifier, join, type Sql, sql, unsafeSql, when } from '../database/sql.ts';
import {
  type Column,
  compare,
  type Key,
  keyAsJson,
  keyColumns,
  keyName,
  keyNames,
  marked,
  namedKey,
  type Table,
  valueName,
} from '../database/table.ts';
import type { Page, Work } from '../define/batch.ts';
import { DatabaseError, messageOf } from '../errors.ts';
import { heldBy, moved } from '../ledger/checkpoint.ts';
import { cured, type RowError, recorded, recordedStillMatching, without } from '../ledger/row-errors.ts';
import type { Change } from './rewrite-change.ts';
import type { ReadPage } from './rewrite-read.ts';
import { before, journaled } from './undo-journal.ts';

/** A row's new values, encoded: one for each of the change's columns, undefined where the column stays as it is. */
export interface WrittenRow {
  readonly key: Key;
  readonly xmin: string;
  readonly values: readonly unknown[];
}

/**
 * The statement that writes the rows which are still what was read, records those whose transform threw, keeps the keys
 * of those that somebody has changed, and moves the checkpoint.
 */
export function writePage(
  change: Change,
  { table, at, seconds, secondsPerRow }: Omit<Work, 'database'>,
  page: Page,
  read: ReadPage,
  rows: readonly WrittenRow[],
  errors: readonly RowError[],
): Sql {
  const behind = 'keys' in page;
  const left = behind ? without(at.conflicted, page.keys) : at.conflicted;
  return sql`
    WITH ${heldBy(at)},
    ${rows.length > 0 ? changed(change, table, rows) : nothingChanged(table)}
    ${cured(table, at)}
    ${journaled(change.journal && rows.length > 0, table, at)}
    ${when(errors.length > 0, sql`, ${recorded(at, errors)}`)},
    ${recordedStillMatching(table, at)},
    ${moved({
      ...(!behind && read.last !== undefined && { cursor: sql`${JSON.stringify(read.last)}::jsonb` }),
      conflicted: sql`${JSON.stringify(left)}::jsonb || (SELECT keys FROM conflicted)`,
      processed: at.pass === 1 && !behind ? sql`${read.count}` : sql`0`,
      updated: sql`(SELECT updated - still_matching FROM done)`,
      stillMatching: sql`(SELECT still_matching FROM done)`,
      seconds,
      secondsPerRow,
    })}
    SELECT * FROM moved`;
}

/** The CTEs of a page without a row to write. */
function nothingChanged(table: Table): Sql {
  return sql`
    changed AS (SELECT ${namedKey(table)}, false AS still_matching FROM ${table.name} WHERE false),
    done AS (SELECT 0 AS updated, 0 AS still_matching),
    conflicted AS (SELECT '[]'::jsonb AS keys)`;
}

/**
 * The CTEs of the change itself. The new values are one JSON parameter, since the Data API takes no arrays. A version of
 * a row is known by the transaction that wrote it: where `xmin` is another by now, the row is left as the application
 * made it. PostgreSQL checks that again on the row's latest version after waiting for a lock.
 */
function changed(change: Change, table: Table, rows: readonly WrittenRow[]): Sql {
  const columns = change.columns
    .map((name, i): Changed => ({ ...(table.columns.get(name) as Column), i }))
    .filter(({ i }) => rows.some(({ values }) => values[i] !== undefined));
  const key = table.key.map((_, i) => sql`"new#".${keyName(i)}`);
  const same = sql`${compare(keyColumns(table), '=', key)} AND ${table.alias}.xmin = "new#"."x#"`;
  const old = when(change.journal, sql`, "old#"`);
  const sameOld = when(
    change.journal,
    sql`AND ${compare(
      table.key.map((_, i) => sql`"old#".${keyName(i)}`),
      '=',
      key,
    )}`,
  );
  const fields = [
    ...table.key.map(({ type }, i) => sql`${keyName(i)} ${unsafeSql(type)}`),
    ...columns.map(
      ({ form, type, i }) => sql`${valueName(i)} ${unsafeSql(form === 'bytes' ? 'text' : type)}`,
    ),
  ];
  // jsonb is the faster one by a third, but puts the keys of an object in its own order, which the type json keeps.
  const json = unsafeSql(columns.some(({ form }) => form === 'json') ? 'json' : 'jsonb');
  return sql`
    "new#" AS MATERIALIZED (
      SELECT sent.* FROM held, ${json}_to_recordset(${asJson(columns, rows)}::${json})
        AS sent ("x#" xid, "kept#" text, "stays#" boolean, ${join(fields, ', ')})
    ),
    ${when(
      change.journal,
      sql`"old#" AS MATERIALIZED (
        SELECT ${join(key, ', ')}, ${before(table, change.columns)} FROM ${table.name}, "new#" WHERE ${same}
      ),`,
    )}
    changed AS (
      UPDATE ${table.name} SET ${join([...assignments(table, columns, rows), ...marked(table)], ', ')}
      FROM "new#" ${old} WHERE ${same} ${sameOld}
      RETURNING ${join(key, ', ')}, 
        "stays#" IS NULL AS "changed#", "stays#" IS NULL AND (${change.where ?? sql`false`}) AS still_matching
        ${when(change.journal, sql`, "before#", "was#"`)}
    ),
    done AS MATERIALIZED (
      SELECT count(*) AS written, count(*) ${when(table.marker, sql`FILTER (WHERE "changed#")`)} AS updated,
        count(*) FILTER (WHERE still_matching) AS still_matching
      FROM changed
    ),
    conflicted AS MATERIALIZED (
      SELECT CASE WHEN written = ${rows.length} THEN '[]'::jsonb ELSE COALESCE((
        SELECT jsonb_agg(${keyAsJson(keyNames(table))}) FROM (
          SELECT ${join(key, ', ')} FROM "new#" EXCEPT SELECT ${join(keyNames(table), ', ')} FROM changed
        ) AS missed), '[]') END AS keys
      FROM done
    )`;
}

interface Changed extends Column {
  /** Its place among the change's columns. */
  readonly i: number;
}

function assignments(table: Table, columns: readonly Changed[], rows: readonly WrittenRow[]): Sql[] {
  return columns.map(({ name, form, i }) => {
    const column = identifier(name);
    const value = form === 'bytes' ? sql`decode(${valueName(i)}, 'base64')` : valueName(i);
    if (rows.every(({ values }) => values[i] !== undefined)) {
      return sql`${column} = ${value}`;
    }
    const kept = sql`strpos(COALESCE("kept#", ''), ${`,${i},`}) > 0`;
    return sql`${column} = CASE WHEN ${kept} THEN ${table.alias}.${column} ELSE ${value} END`;
  });
}

// The Data API takes 4 MiB in a request, with this JSON inside another; a little is left for the statement. Where it is
// more, fewer rows are tried.
const longestJson = 4_100_000;

/** `[{"x#", "kept#", "k#0" …, "v#0" …}]`; "kept#" lists the columns that this row keeps although others change them. */
function asJson(columns: readonly Changed[], rows: readonly WrittenRow[]): string {
  const labelled = columns.map(({ i }) => ({ i, label: `v#${i}` }));
  const keyLabels = rows[0]?.key.map((_, i) => `k#${i}`) ?? [];
  const sent = rows.map(({ key, xmin, values }) => {
    const row: Record<string, unknown> = { 'x#': xmin };
    keyLabels.forEach((label, i) => {
      row[label] = key[i];
    });
    for (const { i, label } of labelled) {
      if (values[i] === undefined) {
        row['kept#'] = `${row['kept#'] ?? ''},${i},`;
      } else {
        row[label] = values[i];
      }
    }
    if (values.every((value) => value === undefined)) {
      row['stays#'] = true;
    }
    return row;
  });
  const json = toJson(sent);
  // No character of it takes more than three bytes, so mostly there is no need to look closer.
  if (json.length * 3 <= longestJson) {
    return json;
  }
  const bytes = Buffer.byteLength(JSON.stringify(json));
  if (bytes <= longestJson) {
    return json;
  }
  const tooLong = `the new values of ${rows.length} rows take ${bytes} bytes; ${longestJson} can be sent`;
  throw new DatabaseError(tooLong, 'row', null);
}

function toJson(sent: readonly unknown[]): string {
  try {
    return JSON.stringify(sent);
  } catch (error) {
    throw new DatabaseError(`a new value cannot be written as JSON: ${messageOf(error)}`, 'row', null, error);
  }
}
