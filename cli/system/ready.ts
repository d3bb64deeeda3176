import type { Database } from '../../functions/engine/database/data-api.ts';
import { fitOf } from '../../functions/engine/ledger/schema.ts';
import { currentVersion } from '../../functions/engine/ledger/versions.ts';
import { readLedger } from '../../functions/engine/overview/read-ledger.ts';
import { namesOf, requireKnown } from './names.ts';
import type { System } from './system.ts';

/** The database, for a command that writes into its ledger: that has all this checkout knows, and with a migration of this name. */
export async function ledgerFor(system: System, name: string): Promise<Database> {
  const database = await system.database();
  const ledger = await readLedger(database);
  requireKnown(name, namesOf(system, ledger));
  if (fitOf(ledger) !== 'usable') {
    throw new Error(
      ledger.version === 0
        ? 'there is no ledger yet: the first run makes it'
        : `the ledger has version ${ledger.version}, this checkout knows ${currentVersion}: let a run of the same release bring it up to date first`,
    );
  }
  return database;
}
