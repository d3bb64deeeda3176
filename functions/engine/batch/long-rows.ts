import { array, nullable, number, object, parse, string } from 'valibot';
import type { Value } from '../database/data-api.ts';
import { identifier, join, type Sql, sql, unsafeSql } from '../database/sql.ts';
import { type Column, compare, type Key, keyColumns, keyValues, type Table } from '../database/table.ts';
import { DatabaseError } from '../errors.ts';
import type { PageToRead } from './rewrite-change.ts';

/*
 * Rows that are longer than the Data API hands out, 64 KB. Their values are read in pieces, as base64, which may be cut anywhere
 * and takes a third more whatever it says.
 */

/** The bytes of a row that can be read: what a Lambda of 512 MB can parse and transform. */
export const longestRow = 32 * 2 ** 20;

// As base64 with its line breaks, 61 KB; a hundred are 6 MB of JSON, of the 10 that a result may have.
const pieceBytes = unsafeSql('45000');
const piecesAtOnce = 100;

/**
 * How many bytes a row's values have, where that may be too much for a result, in which bytea takes twice as much as text; NULL
 * otherwise.
 */
export function bytesIfLong(table: Table, columns: readonly Column[]): Sql {
  const lengths = columns.map((column) => sql`COALESCE(octet_length(${asBytesOrText(table, column)}), 0)`);
  const bytes = join(lengths, ' + ');
  return sql`CASE WHEN ${bytes} > 30000 THEN ${bytes} END`;
}

/**
 * Reads the values of one row in pieces. Throws DatabaseError: the moment's fault, if somebody has changed the row since it had this
 * `xmin`.
 */
export async function longValues(
  { database, table }: Pick<PageToRead, 'database' | 'table'>,
  columns: readonly Column[],
  { key, xmin }: { readonly key: Key; readonly xmin: string },
): Promise<readonly Value[]> {
  const values = columns.map((): Buffer[] => []);
  const most = Math.max(1, Math.floor(piecesAtOnce / columns.length));
  for (let from = 0, isLast = false; !isLast; from += most) {
    const { rows } = await database.read(pieces(table, columns, key, { from, to: from + most - 1 }));
    const found = parse(array(piece), rows);
    if (found.length === 0 || found.some((each) => each.xmin !== xmin)) {
      throw new DatabaseError('a row was changed while it was read in pieces', 'moment', null);
    }
    isLast = true;
    for (const { i, n, base64 } of found) {
      if (i === null || n === null || base64 === null) {
        continue;
      }
      (values[i] as Buffer[])[n] = Buffer.from(base64, 'base64');
      isLast &&= n < from + most - 1;
    }
  }
  return columns.map((column, i) => joined(column, values[i] as Buffer[]));
}

const piece = object({
  xmin: string(),
  i: nullable(number()),
  n: nullable(number()),
  base64: nullable(string()),
});

/** A row for each of some pieces of each value that is not NULL; or else one that says the xmin. */
function pieces(
  table: Table,
  columns: readonly Column[],
  key: Key,
  { from, to }: { readonly from: number; readonly to: number },
): Sql {
  const bytes = columns.map((column, i) => {
    const value = asBytesOrText(table, column);
    return sql`(${unsafeSql(`${i}`)}, ${column.form === 'bytes' ? value : sql`convert_to(${value}, 'UTF8')`})`;
  });
  // OFFSET 0, so that a value is decompressed once, and not for each of its pieces. The last piece may be empty.
  return sql`
    SELECT ${table.alias}.xmin::text AS xmin, "cut#".i, "cut#".n, "cut#".base64
    FROM ${table.name} LEFT JOIN LATERAL (
      SELECT i, n, encode(substring(bytes FROM n * ${pieceBytes} + 1 FOR ${pieceBytes}), 'base64') AS base64
      FROM (SELECT * FROM (VALUES ${join(bytes, ', ')}) AS "value#" (i, bytes) OFFSET 0) AS "value#",
        generate_series(${from}::integer, LEAST(${to}::integer, octet_length(bytes) / ${pieceBytes})) AS "piece#" (n)
    ) AS "cut#" ON true
    WHERE ${compare(keyColumns(table), '=', keyValues(table, key))}`;
}

function asBytesOrText(table: Table, { name, form }: Column): Sql {
  const column = sql`${table.alias}.${identifier(name)}`;
  return form === 'bytes' ? column : sql`${column}::text`;
}

/** The value as `readPage` would have it. Even an empty one has a piece; NULL has none. */
function joined({ form }: Column, cut: readonly Buffer[]): Value {
  if (cut.length === 0) {
    return null;
  }
  const bytes = Buffer.concat(cut);
  if (form === 'bytes') {
    return bytes;
  }
  const text = bytes.toString('utf8');
  return form === 'boolean' ? text === 'true' : text;
}
