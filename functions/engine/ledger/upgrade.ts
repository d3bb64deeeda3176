import { string } from 'valibot';
import type { Caller } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import { type ExecutionStatus, isAlive } from './execution-status.ts';
import { ledger } from './names.ts';
import { stillRuns } from './run-lock.ts';
import { currentVersion, ledgerVersion, upgradeLedger } from './schema.ts';

/**
 * Creates the ledger or brings it up to date, unless a run is under way that needs it as it is: the start is refused then, and nothing
 * was upgraded. What goes on in the background finds the newer ledger, and goes on with the new code. Throws AlreadyRunning, and
 * what `upgradeLedger` throws.
 */
export async function upgradeUnlessRefused(
  database: Database,
  statusOf: ExecutionStatus,
  run: Caller,
  lock: string,
): Promise<void> {
  const version = await ledgerVersion(database);
  if (version > 0 && version < currentVersion) {
    // As JSON, since an older ledger has no locks: all that runs there is of a release.
    const running = await database.query(
      sql`
      SELECT r.execution_arn, COALESCE(to_jsonb(r) ->> 'lock', '') AS lock FROM ${ledger.runs} r
      WHERE r.status = 'running' AND r.execution_arn <> ${run.execution_arn}`,
      { execution_arn: string(), lock: string() },
    );
    for (const other of running) {
      const needsIt = other.lock === lock || !other.lock.startsWith('background:');
      if (needsIt && isAlive(await statusOf(other.execution_arn))) {
        throw stillRuns(other.execution_arn);
      }
    }
  }
  await upgradeLedger(database);
}
