import { array, type InferOutput, nullable, number, object, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { explain } from '../database/explain.ts';
import { json, key as keyText } from '../database/row-shape.ts';
import { identifier, join, type Sql, sql } from '../database/sql.ts';
import { compare, type Key, keyAsJson, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import type { TableValidation } from '../define/validations.ts';
import { DatabaseError, MigrationFailed, publicMessage } from '../errors.ts';

/** What validations found in a page of rows. */
export interface PageFindings {
  readonly rows: number;
  readonly last: Key | null;
  /** One for each validation. */
  readonly found: readonly Findings[];
}

/** What one validation found. */
export interface Findings {
  readonly failedRows: number;
  /** The first ten of them. */
  readonly keys: readonly string[];
  /** Failed rows for which it could not even be evaluated, and what the database said of the first one. */
  readonly unevaluated: number;
  readonly reason?: string;
}

export const nothingFound: Findings = { failedRows: 0, keys: [], unevaluated: 0 };
/** As many as a person looks at. */
export const mostKeys = 10;

/** The rows after a key, so many at most. */
export interface RowsAfter {
  readonly cursor: Key | null;
  readonly limit: number;
}

/** Looks for rows that fail a validation, among the next ones. */
export function validatePage(
  database: Database,
  table: Table,
  validations: readonly TableValidation[],
  { cursor, limit }: RowsAfter,
): Promise<PageFindings> {
  return findFailures(database, table, validations, { condition: after(table, cursor), limit });
}

/**
 * Validates the next row alone: by one validation after the other if they cannot all be evaluated. The row fails those that
 * cannot.
 */
export async function validateRow(
  database: Database,
  { name, validate: validations }: RowMigration,
  table: Table,
  cursor: Key | null,
): Promise<PageFindings> {
  let failure: DatabaseError;
  try {
    return await validatePage(database, table, validations, { cursor, limit: 1 });
  } catch (error) {
    failure = rowsFault(error);
  }
  const { rows, last } = await validatePage(database, table, [], { cursor, limit: 1 });
  if (last === null) {
    return { rows, last, found: validations.map(() => nothingFound) };
  }
  const itself = { condition: compare(keyColumns(table), '=', keyValues(table, last)), limit: 1 };
  const found: Findings[] = [];
  for (const validation of validations) {
    try {
      found.push(...(await findFailures(database, table, [validation], itself)).found);
    } catch (error) {
      const { message } = rowsFault(error);
      found.push({ failedRows: 1, keys: [shown(last)], unevaluated: 1, reason: cut(message, 300) });
    }
  }
  if (found.some(({ unevaluated }) => unevaluated > 0)) {
    return { rows, last, found };
  }
  const say = (row: string, said: string) =>
    `migration "${name}", ${row}: its validations cannot be asked together: ${said}. Correct the row or the validations, and start ` +
    'the machine again: it goes on with validating';
  throw new MigrationFailed(say('a row', publicMessage(failure)), {
    inFull: say(`row (${shown(last)})`, failure.message),
    cause: failure,
  });
}

function rowsFault(error: unknown): DatabaseError {
  if (error instanceof DatabaseError && error.fault === 'row') {
    return error;
  }
  throw error;
}

// The most that a page of 1,000 rows may cost, in the planner's units: some 100,000 of them take a second.
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
      const { cost } = await explain(database, failuresQuery(table, [validation], page));
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
function failuresQuery(
  table: Table,
  validations: readonly TableValidation[],
  { condition, limit }: Rows,
): Sql {
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

async function findFailures(
  database: Database,
  table: Table,
  validations: readonly TableValidation[],
  rows: Rows,
): Promise<PageFindings> {
  const findings = validations.map((_, i) => [`f#${i}`, failuresOfOne] as const);
  const [page] = await database.query(failuresQuery(table, validations, rows), {
    rows: number(),
    last: nullable(keyText),
    ...Object.fromEntries(findings),
  });
  if (page === undefined) {
    return { rows: 0, last: null, found: validations.map(() => nothingFound) };
  }
  const byLabel = page as Readonly<Record<string, unknown>>;
  return {
    rows: page.rows,
    last: page.last,
    found: findings.map(([label]) => {
      const { failedRows, keys } = byLabel[label] as InferOutput<typeof failuresOfOne>;
      return { failedRows, keys: keys.map(shown), unevaluated: 0 };
    }),
  };
}

const failuresOfOne = json(object({ failedRows: number(), keys: array(array(string())) }));

// Ten of them, of several validations, are far from any limit.
const longestKey = 100;

/** A key as people read it. */
export function shown(key: Key): string {
  return cut(key.join(', '), longestKey);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length).toWellFormed()}…` : text;
}
