import { boolean } from 'valibot';
import type { Statements } from '../database/data-api.ts';
import { identifier, join, type Sql, sql, unsafeSql } from '../database/sql.ts';
import { keyName, keyNames, type Table } from '../database/table.ts';
import { MigrationFailed } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { ledger, schema } from '../ledger/names.ts';

/**
 * The undo journal of a migration, a table of its own, so that dropping it costs nothing: of each changed row the key, the
 * columns' values before, the transactions that had written it (`was`) and that changed it (`version`), and when. As long as
 * the row's xmin is `version`, nobody has changed the row since. Freezing a row keeps its xmin; what rewrites the table
 * (an ALTER that changes a type) does not, and counts as a change of every row. So does, of its row, what an AFTER trigger
 * changes in a block with an exception handler, which is a transaction of its own.
 *
 * Values are kept as text, from which PostgreSQL makes the same value again, whatever its type; and by their columns' names,
 * because the release that restores them may be a later one, which changes other columns.
 */
export function journalOf(migration: string): Sql {
  return identifier(schema, `undo_${migration}`);
}

/** The journal's name, as people find it. */
export function journalName(migration: string): string {
  return `${schema}."undo_${migration}"`;
}

/**
 * Creates the journal, unless it is there. Throws MigrationFailed halfway through a migration: the rows that it has changed
 * already could not be put back, and nothing would say so.
 */
export async function ensureJournal(database: Statements, migration: string, table: Table): Promise<void> {
  if (await hasJournal(database, migration)) {
    return;
  }
  // One that has a result was finished, and is being retried: only what it changes from now on would be put back.
  const [begun] = await database.query(
    sql`
    SELECT m.name FROM ${ledger.migrations} m
    WHERE m.name = ${migration} AND m.total_updated > 0 AND m.result IS NULL`,
    {},
  );
  if (begun !== undefined) {
    throw new MigrationFailed(
      `migration "${migration}", onInvalid: it has begun without an undo journal, and the rows that it has changed could not be ` +
        "restored. Take onInvalid: 'restore' away until it is finished, and start the machine again",
    );
  }
  const columns = table.key.map(({ type }, i) => sql`${keyName(i)} ${unsafeSql(type)}`);
  try {
    await database.execute(sql`
      CREATE TABLE ${journalOf(migration)} (
        ${join(columns, ', ')}, was xid NOT NULL, version xid NOT NULL, at timestamptz NOT NULL DEFAULT now(),
        before jsonb NOT NULL, PRIMARY KEY (${join(keyNames(table), ', ')})
      )`);
  } catch (error) {
    // This very call came twice, and the other one was faster.
    if (!(await hasJournal(database, migration))) {
      throw error;
    }
  }
}

/** Whether there is a journal. */
export async function hasJournal(database: Statements, migration: string): Promise<boolean> {
  const [row] = await database.query(
    sql`
    SELECT EXISTS (
      SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${schema} AND c.relname = ${`undo_${migration}`}) AS there`,
    { there: boolean() },
  );
  return row?.there === true;
}

/** What the journal keeps of a row as it is: who wrote it, and the values of these columns, except generated ones, which nobody can put back. */
export function before(table: Table, columns: readonly string[]): Sql {
  const kept = columns.filter((name) => !table.columns.get(name)?.isGenerated);
  const names = kept.map((name) => sql`${name}::text`);
  const values = kept.map((name) => sql`${table.alias}.${identifier(name)}::text`);
  return sql`jsonb_object(ARRAY[${join(names, ', ')}]::text[], ARRAY[${join(values, ', ')}]::text[]) AS "before#", ${table.alias}.xmin AS "was#"`;
}

/** How many rows the journal took: for a statement that says how long it took. */
export const countJournaled = sql`(SELECT count(*) FROM "journaled#")`;

/**
 * A CTE that writes into the journal what the CTE "changed_rows#" says was before. Of a row that we changed earlier in this life of
 * the migration, and nobody since, the first values before it are what will be put back; if somebody changed it in between,
 * theirs are. "changed_rows#" never has a row twice, and all of it is of this one transaction.
 */
export function journaled(table: Table, at: Checkpoint): Sql {
  const key = join(keyNames(table), ', ');
  return sql`
    "journaled#" AS (
      INSERT INTO ${journalOf(at.migration)} AS j (${key}, was, version, before)
      SELECT ${key}, "was#", pg_current_xact_id()::xid, "before#" FROM "changed_rows#" WHERE "changed#"
      ON CONFLICT (${key}) DO UPDATE SET was = excluded.was, version = excluded.version, at = excluded.at,
        before = excluded.before || CASE
          WHEN j.version = excluded.was AND j.at >= (
            SELECT m.started_at FROM ${ledger.migrations} m WHERE m.name = ${at.migration}) THEN j.before
          ELSE '{}' END
      RETURNING 1
    )`;
}
