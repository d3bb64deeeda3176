import { string } from 'valibot';
import type { Caller } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import { type ExecutionStatus, isAlive } from './execution-status.ts';
import { ledger } from './names.ts';
import { stillRuns } from './run-lock.ts';
import { fitOf, isUpgradeCompatible, ledgerVersion, upgradeLedger } from './schema.ts';

/**
 * Creates the ledger or brings it up to date, unless a run is under way that needs it as it is: the start is refused then, and nothing
 * was upgraded. Where all that is new is compatible, no run needs it as it is, and only the one in the way of this start has it refused. What
 * goes on in the background and finds a ledger that it cannot work with goes on with the new code. Throws AlreadyRunning, and what
 * `upgradeLedger` throws.
 */
export async function upgradeUnlessRefused(
  database: Database,
  statusOf: ExecutionStatus,
  run: Caller,
  lock: string,
): Promise<void> {
  const found = await ledgerVersion(database);
  if (fitOf(found) === 'older') {
    const goesOn = isUpgradeCompatible(found.version);
    // As JSON, since an older ledger has no locks: all that runs there is of a release.
    const running = await database.query(
      sql`
      SELECT r.execution_arn, COALESCE(to_jsonb(r) ->> 'lock', '') AS lock FROM ${ledger.runs} r
      WHERE r.status = 'running' AND r.execution_arn <> ${run.execution_arn}`,
      { execution_arn: string(), lock: string() },
    );
    for (const other of running) {
      const needsIt = other.lock === lock || !(goesOn || other.lock.startsWith('background:'));
      if (needsIt && isAlive(await statusOf(other.execution_arn))) {
        throw stillRuns(other.execution_arn);
      }
    }
  }
  await upgradeLedger(database);
}
