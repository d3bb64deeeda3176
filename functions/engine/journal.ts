import type { Checkpoint } from './checkpoint.ts';
import type { Statements } from './database.ts';
import { identifier, join, type Sql, sql, unsafeSql, when } from './sql.ts';
import { keyName, keyNames, type Table } from './table.ts';

/**
 * The undo journal of a migration, a table of its own, so that dropping it costs nothing: of each changed row the key, the
 * columns' values before, as text, which every type can be read back from, and the transaction that changed it. As long as
 * the row's xmin is that transaction, nobody has changed the row since.
 */
export function journalOf(migration: string): Sql {
  return identifier('data_migrations', `undo_${migration}`);
}

/** Creates the journal, unless it is there. */
export async function ensureJournal(database: Statements, migration: string, table: Table): Promise<void> {
  const columns = table.key.map(({ type }, i) => sql`${keyName(i)} ${unsafeSql(type)}`);
  await database.query(sql`
    CREATE TABLE IF NOT EXISTS ${journalOf(migration)} (
      ${join(columns, ', ')}, version xid NOT NULL, before text[] NOT NULL,
      PRIMARY KEY (${join(keyNames(table), ', ')})
    )`);
}

/** Whether there is a journal. */
export async function hasJournal(database: Statements, migration: string): Promise<boolean> {
  const [row] = await database.query(sql`
    SELECT EXISTS (
      SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'data_migrations' AND c.relname = ${`undo_${migration}`}) AS there`);
  return row?.there === true;
}

/** The values of columns as the journal keeps them. */
export function valuesBefore(table: Table, columns: readonly string[]): Sql {
  return sql`ARRAY[${join(
    columns.map((name) => sql`${table.alias}.${identifier(name)}::text`),
    ', ',
  )}]`;
}

/**
 * A CTE that writes into the journal what a CTE `changed` says was before; nothing without a journal. Where the row was
 * changed by us earlier, and by somebody else since, theirs is what would be put back.
 */
export function journaled(journal: boolean, table: Table, at: Checkpoint): Sql {
  const key = join(keyNames(table), ', ');
  return when(
    journal,
    sql`, journaled AS (
      INSERT INTO ${journalOf(at.migration)} (${key}, version, before)
      SELECT ${key}, pg_current_xact_id()::xid, "before#" FROM changed WHERE "changed#"
      ON CONFLICT (${key}) DO UPDATE SET version = excluded.version, before = excluded.before
    )`,
  );
}
