import { tablesOf } from '../alter/alter-tables.ts';
import { checkLimits } from '../alter/lock-limits.ts';
import type { Database } from '../database/data-api.ts';
import type { AlterMigration, Registered } from '../define/registered.ts';
import { DatabaseError, messageOf } from '../errors.ts';
import { type Controls, controlsOf } from '../ledger/controls.ts';
import { isPending } from '../lifecycle/pending.ts';
import { tuned } from '../schedule/tuned.ts';
import { rolledBack, type Sandbox } from '../trial/rollback-sandbox.ts';
import { trialLimits } from '../trial/trial.ts';
import { type LedgerLine, readLedgerLine } from './ledger-line.ts';
import { previewRows, type RowPreview } from './preview-rows.ts';

/** What a run would find of one migration. */
export interface Preview {
  /** As operators have tuned it. */
  readonly migration: Registered;
  /** Whether it has work to do. Also true where that could not be found out. */
  readonly pending: boolean;
  /** Where the ledger says that it stands; undefined if it has never run. */
  readonly line: LedgerLine | undefined;
  /** How operators hold and steer it; left out where that could not be found out. */
  readonly controls?: Controls;
  /** The rows of a pending backfill or rewrite, and what became of those that were tried. */
  readonly rows?: RowPreview;
  /** The tables that lack the change of a pending `alterTables`, each as `schema.name`. */
  readonly tables?: readonly string[];
  /** Why it would fail, or why that could not be found out. */
  readonly problem?: string;
}

/**
 * Finds out what a run would do with a migration, by counting its rows and trying about 500 of them in one transaction that
 * is rolled back. Rows that it tries are locked meanwhile, for 7.5 s at most. Whatever keeps the migration from running is
 * the preview's `problem`; nothing that the database answers is thrown.
 */
export async function preview(database: Database, migration: Registered): Promise<Preview> {
  try {
    return await rolledBack(database, trialLimits, (sandbox) => previewInside(sandbox, migration));
  } catch (error) {
    return { migration, pending: true, line: undefined, problem: problemOf(error) };
  }
}

async function previewInside(sandbox: Sandbox, written: Registered): Promise<Preview> {
  const { database } = sandbox;
  const line = await readLedgerLine(database, written.name);
  const controls = await controlsOf(database, written.name);
  const migration = tuned(written, controls.tuned);
  const found = { migration, line, controls, pending: true };
  try {
    if (!(await isPending(database, migration))) {
      return { ...found, pending: false };
    }
    if (line?.status === 'restoring') {
      return { ...found, problem: 'it is being restored: that comes first. Then it can be tried again' };
    }
    if (migration.kind === 'alterTables') {
      return { ...found, ...(await previewTables(database, migration)) };
    }
    const { rows, failure } = await previewRows(sandbox, migration, line);
    return { ...found, rows, ...(failure !== undefined && { problem: problemOf(failure) }) };
  } catch (error) {
    return { ...found, problem: problemOf(error) };
  }
}

async function previewTables(
  database: Database,
  migration: AlterMigration,
): Promise<Pick<Preview, 'tables' | 'problem'>> {
  const lacking = (await tablesOf(database, migration)).filter(({ lacks }) => lacks);
  const tables = lacking.map(({ schema, name }) => `${schema}.${name}`);
  const problem = await checkLimits(database, migration, lacking).then(() => undefined, messageOf);
  return { tables, ...(problem !== undefined && { problem }) };
}

function problemOf(error: unknown): string {
  return error instanceof DatabaseError && error.fault === 'moment'
    ? `the database had no time for it, so what it would do is not known: ${error.message}. Plan again later`
    : messageOf(error);
}
