import type { Database } from '../database/data-api.ts';
import { identifier, join, type Sql, sql } from '../database/sql.ts';
import { compare, type Key, keyAsJson, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/migration.ts';
import type { Validation } from '../define/validations.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import { plan } from '../lifecycle/pending.ts';

/** What validations found in a page of rows. */
export interface Asked {
  readonly rows: number;
  readonly last: Key | null;
  /** One for each validation. */
  readonly found: readonly Found[];
}

export interface Found {
  readonly failedRows: number;
  /** Up to ten of them. */
  readonly keys: readonly string[];
  /** Failed rows of which it could not even be asked, and what the first one said. */
  readonly unasked: number;
  readonly reason?: string;
}

export const nothingFound: Found = { failedRows: 0, keys: [], unasked: 0 };
export const mostKeys = 10;

/** Asks validations of the next rows after a key. */
export function askPage(
  database: Database,
  table: Table,
  validations: readonly Validation[],
  cursor: Key | null,
  limit: number,
): Promise<Asked> {
  return ask(database, table, validations, { condition: after(table, cursor), limit });
}

/** Asks the validations of the next row; one by one if one of them cannot be: that one, then, the row does not pass. */
export async function askOne(
  database: Database,
  { name, validate: validations }: RowMigration,
  table: Table,
  cursor: Key | null,
): Promise<Asked> {
  let failure: DatabaseError;
  try {
    return await askPage(database, table, validations, cursor, 1);
  } catch (error) {
    failure = rowsFault(error);
  }
  const { rows, last } = await askPage(database, table, [], cursor, 1);
  if (last === null) {
    return { rows, last, found: validations.map(() => nothingFound) };
  }
  const itself = { condition: compare(keyColumns(table), '=', keyValues(table, last)), limit: 1 };
  const found: Found[] = [];
  for (const validation of validations) {
    try {
      found.push(...(await ask(database, table, [validation], itself)).found);
    } catch (error) {
      const { message } = rowsFault(error);
      found.push({ failedRows: 1, keys: [shown(last)], unasked: 1, reason: cut(message, 300) });
    }
  }
  if (found.some(({ unasked }) => unasked > 0)) {
    return { rows, last, found };
  }
  throw new MigrationFailed(
    `migration "${name}", row (${shown(last)}): its validations cannot be asked together: ${failure.message}. ` +
      'Correct the row or the validations, and start the machine again: it goes on with validating',
    { cause: failure },
  );
}

function rowsFault(error: unknown): DatabaseError {
  if (error instanceof DatabaseError && error.fault === 'row') {
    return error;
  }
  throw error;
}

// For 1,000 rows; in the planner's units, of which some 100,000 take a second.
const samplePage = 1_000;
const affordable = 100_000;

/**
 * Checks that the validations can be asked, page by page, in the time that a page has. Without an index, `unique` and
 * `foreignKey` read a whole table for each page: of a small one nobody notices, of a large one it would take hours or never
 * end. Reads no rows. Throws MigrationFailed.
 */
export async function checkValidations(
  database: Database,
  { name, validate: validations }: RowMigration,
  table: Table,
): Promise<void> {
  for (const validation of validations) {
    const fail = (problem: string, cause?: unknown): never => {
      throw new MigrationFailed(`migration "${name}", validation "${validation.name}": ${problem}`, {
        cause,
      });
    };
    try {
      const page = { condition: sql`true`, limit: samplePage };
      const { 'Total Cost': cost } = await plan(database, asking(table, [validation], page));
      if (cost <= affordable) {
        continue;
      }
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.fault === 'moment') {
        throw error;
      }
      fail(`${error.message}. Correct it, or its table`, error);
    }
    fail(
      `a page of ${samplePage} rows would take longer than a second, most likely because it reads a whole table each time. ` +
        'Create an index that begins with its columns (CREATE INDEX CONCURRENTLY …), or leave the validation out',
    );
  }
}

/** Rows that meet a condition, so many at most, in the order of the key. */
interface Rows {
  readonly condition: Sql;
  readonly limit: number;
}

const after = (table: Table, cursor: Key | null): Sql =>
  cursor === null ? sql`true` : compare(keyColumns(table), '>', keyValues(table, cursor));

/**
 * The query that asks validations of rows. Each has a scan of its own over the page, which costs little more than one for
 * all: as a condition of a scan, and only there, PostgreSQL answers EXISTS for all rows at once. The page is a subquery with
 * a LIMIT so that the planner knows how few rows it has, and asks no others.
 */
function asking(table: Table, validations: readonly Validation[], { condition, limit }: Rows): Sql {
  const columns = keyColumns(table);
  const order = join(columns, ', ');
  const descending = columns.map((column) => sql`${column} DESC`);
  const page = sql`
    (SELECT * FROM ${table.name} WHERE ${condition} ORDER BY ${order} LIMIT ${limit}) AS ${table.alias}`;
  const found = validations.map(
    (validation, i) => sql`,
      (SELECT jsonb_build_object(
          'failedRows', count(*),
          'keys', COALESCE(jsonb_agg(key ORDER BY nth) FILTER (WHERE nth <= ${mostKeys}), '[]'))
        FROM (
          SELECT ${keyAsJson(columns)} AS key, row_number() OVER (ORDER BY ${order}) AS nth
          FROM ${page} WHERE (${validation.fails(table)})
        ) AS failed)::text AS ${identifier(`f#${i}`)}`,
  );
  return sql`
    SELECT (SELECT count(*) FROM ${page}) AS rows,
      (SELECT ${keyAsJson(columns)} FROM ${page} ORDER BY ${join(descending, ', ')} LIMIT 1)::text AS last
      ${join(found, '')}`;
}

async function ask(
  database: Database,
  table: Table,
  validations: readonly Validation[],
  rows: Rows,
): Promise<Asked> {
  const [row] = await database.query(asking(table, validations, rows));
  return {
    rows: Number(row?.rows),
    last: row?.last == null ? null : (JSON.parse(String(row.last)) as Key),
    found: validations.map((_, i) => {
      const { failedRows, keys } = JSON.parse(String(row?.[`f#${i}`])) as { failedRows: number; keys: Key[] };
      return { failedRows, keys: keys.map(shown), unasked: 0 };
    }),
  };
}

// Ten of them, of several validations, are far from any limit.
const longestKey = 100;

/** A key as people read it. */
export function shown(key: Key): string {
  return cut(key.join(', '), longestKey);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text;
}
