import { nullable, number, record, string, tuple } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { json, key } from '../database/row-shape.ts';
import { identifier, join, regclass, type Sql, sql, unsafeSql } from '../database/sql.ts';
import { compare, type Key, keyAsJson, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError } from '../errors.ts';
import { type Difference, shown } from './row-diff.ts';

/**
 * Makes a temporary table like another, of the same name, so that what an author has written about `users.id` is about the
 * copy: columns, indexes and checks, and at most so many rows, those in need first. Returns its name for `describeTable`.
 */
export async function copyTable(
  database: Database,
  migration: RowMigration,
  table: Table,
  rows: number | 'all',
): Promise<string> {
  // Generated columns go on generating. An identity would need a sequence of its own, for rows that nobody inserts.
  await database.execute(sql`
    CREATE TEMPORARY TABLE ${table.alias} (LIKE ${table.name} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING CONSTRAINTS)`);
  const columns = join(await insertable(database, table), ', ');
  const insert = async (condition: Sql, limit: number): Promise<number> => {
    const [inserted] = await database.query(
      sql`
      WITH inserted AS (
        INSERT INTO ${copyOf(table)} (${columns})
        SELECT ${columns} FROM ${table.name} WHERE ${condition} ORDER BY ${keyOrder(table)} LIMIT ${limit} RETURNING true
      ) SELECT count(*) AS rows FROM inserted`,
      { rows: number() },
    );
    return inserted?.rows ?? 0;
  };
  if (rows === 'all') {
    await insertAll(database, table, insert);
  } else {
    await insertSome(migration, table, rows, insert);
  }
  await addChecks(database, table);
  await database.execute(sql`ANALYZE ${copyOf(table)}`);
  return `pg_temp.${migration.table.split('.').at(-1)}`;
}

type Insert = (condition: Sql, limit: number) => Promise<number>;

const copyOf = (table: Table): Sql => sql`pg_temp.${table.alias}`;

const keyOrder = (table: Table): Sql => join(keyColumns(table), ', ');

/** The rows in need, then others from the beginning. */
async function insertSome(
  { where }: RowMigration,
  table: Table,
  rows: number,
  insert: Insert,
): Promise<void> {
  let count = 0;
  try {
    count = where === undefined ? 0 : await insert(sql`(${where})`, rows);
  } catch (error) {
    // A row that cannot be asked, or too many of them to ask: then the first ones it is.
    if (!(error instanceof DatabaseError) || error.fault === 'migration') {
      throw error;
    }
  }
  if (count === rows) {
    return;
  }
  const there = table.key.map(({ name }) => sql`"there#".${identifier(name)}`);
  await insert(
    sql`NOT EXISTS (SELECT FROM ${copyOf(table)} "there#" WHERE ${compare(there, '=', keyColumns(table))})`,
    rows - count,
  );
}

// In one statement a large table would take longer than a statement may; so few rows never do.
const pageRows = 10_000;

async function insertAll(database: Database, table: Table, insert: Insert): Promise<void> {
  const descending = keyColumns(table).map((column) => sql`${column} DESC`);
  for (let last: Key | undefined; ; ) {
    const after = last && compare(keyColumns(table), '>', keyValues(table, last));
    if ((await insert(after ?? sql`true`, pageRows)) < pageRows) {
      return;
    }
    const [row] = await database.query(
      sql`
      SELECT ${keyAsJson(keyColumns(table))}::text AS key FROM ${copyOf(table)}
      ORDER BY ${join(descending, ', ')} LIMIT 1`,
      { key },
    );
    last = row?.key;
  }
}

/** The columns that are not generated from others. */
async function insertable(database: Database, table: Table): Promise<Sql[]> {
  const rows = await database.query(
    sql`
    SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = ${regclass(table.name)} AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum`,
    { name: string() },
  );
  return rows.map(({ name }) => identifier(name));
}

/** Adds the table's checks, without asking them of the rows: the table may have some from before a check, too. */
async function addChecks(database: Database, table: Table): Promise<void> {
  const checks = await database.query(
    sql`
    SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE conrelid = ${regclass(table.name)} AND contype = 'c' ORDER BY conname`,
    { name: string(), definition: string() },
  );
  for (const { name, definition } of checks) {
    const check = unsafeSql(definition.replace(/ NOT VALID$/, ''));
    await database.execute(sql`
      ALTER TABLE ${copyOf(table)} ADD CONSTRAINT ${identifier(name)} ${check} NOT VALID`);
  }
}

/** Keeps the contents of a copy as they are now. */
export async function keepContents(database: Database, copy: Table): Promise<void> {
  await database.execute(sql`CREATE TEMPORARY TABLE "kept#" AS SELECT * FROM ${copy.name}`);
}

/** Up to ten rows of a copy that are not what they were when they were kept. */
export async function changedSinceKept(database: Database, copy: Table): Promise<Difference[]> {
  const values = [...copy.columns.keys()].map((name) => {
    const column = identifier(name);
    return sql`(${name}, "was#".${column}::text, "now#".${column}::text)`;
  });
  const columns = copy.key.map(({ name }) => identifier(name));
  const same = columns.map((column) => sql`"was#".${column} = "now#".${column}`);
  const either = columns.map((column) => sql`COALESCE("was#".${column}, "now#".${column})`);
  const rows = await database.query(
    sql`
    SELECT ${keyAsJson(either)}::text AS key, (
      SELECT json_object_agg(name, json_build_array(${shown(sql`was`)}, ${shown(sql`now`)}))
      FROM (VALUES ${join(values, ', ')}) AS value (name, was, now) WHERE was IS DISTINCT FROM now)::text AS changes
    FROM "kept#" AS "was#" FULL JOIN ${copy.name} AS "now#" ON ${join(same, ' AND ')}
    WHERE "was#"::text IS DISTINCT FROM "now#"::text
    ORDER BY ${join(either, ', ')} LIMIT 10`,
    { key, changes: json(record(string(), tuple([nullable(string()), nullable(string())]))) },
  );
  return rows.map((row) => ({ key: row.key.join(', '), changes: row.changes }));
}
