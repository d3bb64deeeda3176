import type { Checkpoint } from './checkpoint.ts';
import type { Database } from './database.ts';
import { MigrationFailed } from './errors.ts';
import type { AlterMigration } from './migration.ts';
import type { Clock, Progress } from './slice.ts';
import { sql } from './sql.ts';

/** A table that such a migration is about. */
export interface AlteredTable {
  readonly schema: string;
  readonly name: string;
  /** It still needs the change. */
  readonly lacks: boolean;
}

/** The tables, by schema and name, as the catalog has them now. */
export async function tablesOf(database: Database, { tables }: AlterMigration): Promise<AlteredTable[]> {
  const rows = await database.query(sql`
    SELECT schema::text, name::text, lacks FROM (${tables}) AS "tables#" ORDER BY schema, name`);
  return rows.map(({ schema, name, lacks }) => ({
    schema: String(schema),
    name: String(name),
    lacks: lacks === true,
  }));
}

/** Changes all tables that lack the change in one transaction, or none of them. */
export async function runAlter(
  _database: Database,
  migration: AlterMigration,
  _claimed: Checkpoint,
  _clock: Clock,
  _deadline: number,
): Promise<Progress> {
  throw new MigrationFailed(migration.name);
}
