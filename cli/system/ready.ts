import type { Database } from '../../functions/engine/database/data-api.ts';
import { currentVersion } from '../../functions/engine/ledger/schema.ts';
import { readLedger } from '../../functions/engine/overview/read-ledger.ts';
import { requireKnown } from './names.ts';
import type { System } from './system.ts';

/** The database, for a command that writes into its ledger: of this checkout's version, and with a migration of this name. */
export async function ledgerFor(system: System, name: string): Promise<Database> {
  const database = await system.database();
  const { version, lines } = await readLedger(database);
  requireKnown(name, [...system.registered.map((migration) => migration.name), ...lines.keys()]);
  if (version !== currentVersion) {
    throw new Error(
      version === 0
        ? 'there is no ledger yet: the first run makes it'
        : `the ledger has version ${version}, this checkout knows ${currentVersion}: let a run of the same release bring it up to date first`,
    );
  }
  return database;
}
