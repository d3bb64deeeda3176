import { object } from 'valibot';
import type { Statements } from '../database/data-api.ts';
import { labelled } from '../database/place.ts';
import { identifier, render, type Sql, sql } from '../database/sql.ts';
import { checker, checkOptions, checkSql, everyMigration } from '../define/checks.ts';
import type { Migration, Options } from '../define/migration.ts';
import type { AlterMigration } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';

/** A table is a call of the Data API, which takes about so long: 20 ms. */
export const secondsPerTable = 0.02;

/** What a change of tables says of itself. */
export interface AlterOptions extends Options {
  /**
   * Which tables: a query with the columns `schema`, `name`, and `lacks`, true for a table that still lacks the change. All
   * of them are counted, those that lack it are changed.
   */
  readonly tables: Sql;
  /** The change of one table, by its quoted name: one statement. DDL takes no parameters, so values stand in its text. */
  readonly alter: (table: Sql) => Sql;
  /**
   * How long a table's lock is waited for, in seconds: so long does traffic queue up behind us. Default 1.2: an autovacuum
   * gives way to those who have waited for 1 s (deadlock_timeout), and to nobody before.
   */
  readonly lockTimeoutSeconds?: number;
  /**
   * After how many seconds the transaction gives up, since those who use the tables wait for it. Default 10; most requests
   * have given up after 30.
   */
  readonly maxLockedSeconds?: number;
  /**
   * Tables that one transaction may change. Default: what takes half of `maxLockedSeconds` at some 20 ms each, 250 in 10 s,
   * the first of which is locked for 5 s until the last is changed.
   */
  readonly maxTables?: number;
}

/**
 * A migration that changes many tables in one transaction: all that lack the change, or none.
 *
 * @example
 * export const audienceUpdatedAt = alterTables({
 *   name: 'audience-updated-at',
 *   tables: partitionsMissingColumn({ schema: 'audience_data', column: 'updated_at' }),
 *   alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()`,
 * });
 *
 * @throws MigrationFailed for options that cannot work: what was wrong, what was got, what is allowed.
 */
export function alterTables(options: AlterOptions): Migration {
  const { name, rebuilds, requires, background } = checkOptions(
    options.name,
    object(everyMigration),
    options,
  );
  const { alter } = options;
  const tables = checkSql(name, 'tables', options.tables);
  const { lockTimeoutSeconds = 1.2, maxLockedSeconds = 10 } = options;
  const room = Math.max(1, Math.floor(maxLockedSeconds / secondsPerTable));
  const { maxTables = Math.ceil(room / 2) } = options;
  const check = checker(name);
  checkAlter(name, alter);
  // 40 s: the Data API gives up a statement after 45, and then nobody knows what became of it.
  const seconds = 'more than 0, at most 40';
  check(maxLockedSeconds > 0 && maxLockedSeconds <= 40, 'maxLockedSeconds', maxLockedSeconds, seconds);
  check(
    lockTimeoutSeconds > 0 && lockTimeoutSeconds < maxLockedSeconds,
    'lockTimeoutSeconds',
    lockTimeoutSeconds,
    `more than 0, less than maxLockedSeconds (${maxLockedSeconds})`,
  );
  check(
    Number.isInteger(maxTables) && maxTables >= 1 && maxTables <= room,
    'maxTables',
    maxTables,
    `a whole number from 1 to ${room}, for which maxLockedSeconds (${maxLockedSeconds}) has room at 20 ms each`,
  );
  const migration: AlterMigration = {
    kind: 'alterTables',
    name,
    rebuilds,
    requires,
    background,
    tables,
    alter: (table) => labelled(alter(table), 'alter'),
    maxTables,
    lockTimeoutSeconds,
    maxLockedSeconds,
  };
  return migration;
}

/** Tries the change on a name, to see at once what the Data API would refuse in the middle of a run. */
function checkAlter(name: string, alter: AlterOptions['alter']): void {
  const sample = identifier('schema', 'table');
  const change = alter(sample);
  checkSql(name, 'alter', change);
  const { text, parameters } = render(change);
  const values = parameters.map(({ value }) => String(value));
  checker(name)(
    values.length === 0,
    'alter',
    values,
    "no values: DDL takes no parameters, so write them as SQL, '…'",
  );
  checker(name)(text.includes(render(sample).text), 'alter', text, 'a change of the table that it is given');
}

/**
 * A query for `tables`: every table of a schema, and whether it lacks a column. A partition always has its parent's columns,
 * and PostgreSQL refuses to give it one of its own; so its topmost parent stands for it, from which an ALTER reaches all
 * parts, wherever these are. A schema that is not there is an error.
 */
export function partitionsMissingColumn(of: { readonly schema: string; readonly column: string }): Sql {
  return sql`
    WITH RECURSIVE lineage AS (
      SELECT c.oid FROM pg_class c
      WHERE c.relkind IN ('r', 'p') AND c.relnamespace = quote_ident(${of.schema})::regnamespace
      UNION
      SELECT i.inhparent FROM pg_inherits i JOIN lineage child ON child.oid = i.inhrelid
    )
    SELECT n.nspname AS schema, c.relname AS name, NOT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = ${of.column} AND a.attnum > 0 AND NOT a.attisdropped) AS lacks
    FROM lineage JOIN pg_class c ON c.oid = lineage.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)`;
}

/**
 * A query for `tables`: the table of this name in every schema whose name is like a pattern, and whether it lacks a column. For an
 * application that keeps a schema for each of its tenants. No such table at all is not an error: there may be no tenant yet.
 *
 * @param of.schemas A pattern as SQL's LIKE has it, in which `_` stands for any character and `\\_` for itself: `tenant\\_%`.
 * @example
 * tables: tablesMissingColumn({ schemas: 'tenant\\_%', table: 'settings', column: 'updated_at' }),
 */
export function tablesMissingColumn(of: {
  readonly schemas: string;
  readonly table: string;
  readonly column: string;
}): Sql {
  return sql`
    SELECT n.nspname AS schema, c.relname AS name, NOT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = ${of.column} AND a.attnum > 0 AND NOT a.attisdropped) AS lacks
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relname = ${of.table} AND n.nspname LIKE ${of.schemas}`;
}

/** A table that such a migration is about. */
export interface AlteredTable {
  readonly schema: string;
  readonly name: string;
  /** It still needs the change. */
  readonly lacks: boolean;
}

/**
 * The tables, by schema and name, as the catalog has them now. A table counts as lacking the change also if the query says
 * NULL of it, so that it is not passed over in silence.
 */
export async function tablesOf(
  database: Statements,
  { name, tables }: AlterMigration,
): Promise<AlteredTable[]> {
  const { rows } = await database.read(sql`
    SELECT schema::text, name::text, COALESCE(bool_or(lacks), true) AS lacks FROM (${tables}) AS "tables#"
    GROUP BY 1, 2 ORDER BY 1, 2`);
  return rows.map((row) => {
    if (row.schema === null || row.name === null) {
      throw new MigrationFailed(
        `migration "${name}", tables: got ${JSON.stringify(row)}, allowed is a schema and a name`,
      );
    }
    return { schema: String(row.schema), name: String(row.name), lacks: row.lacks === true };
  });
}
