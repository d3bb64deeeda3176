import type { Database } from './database.ts';
import type { RowMigration } from './migration.ts';
import type { Rest } from './slice.ts';

/** Makes sure that a migration's marker and its index are there; what to wait for if the index is still being built. */
export async function ensureMarker(_database: Database, _migration: RowMigration): Promise<Rest | undefined> {
  return undefined;
}
