import type { Migration } from '../../functions/engine/define/migration.ts';
import {
  type AlterMigration,
  type RowMigration,
  registered,
} from '../../functions/engine/define/registered.ts';

/** A migration of rows as the engine has it, for a test that looks inside. */
export function rowsOf(migration: Migration): RowMigration {
  return registered(migration) as RowMigration;
}

/** A migration of tables as the engine has it. */
export function tablesOf(migration: Migration): AlterMigration {
  return registered(migration) as AlterMigration;
}
