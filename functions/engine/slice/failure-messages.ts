import type { Database } from '../database/data-api.ts';
import { textOf } from '../database/sql.ts';
import type { RowMigration } from '../define/registered.ts';
import {
  type DatabaseError,
  DatabaseUnavailable,
  ErrorBudgetSpent,
  MigrationFailed,
  publicMessage,
} from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import { rowErrors } from '../ledger/row-errors.ts';

/** What an operator reads in the Cause of a failed run: which migration, which batch, and in full where it was. */
function where(migration: RowMigration, at: Checkpoint, full: boolean): string {
  const after = at.cursor === null ? 'at the first key' : `after key (${at.cursor.join(', ')})`;
  return `migration "${migration.name}", batch ${at.batches + 1}${full ? ` ${after}` : ''}`;
}

const goesOn = 'start the machine again: it goes on from this checkpoint';

/** Why a migration's batches end: its statement is wrong, or the database did not serve us for as long as a slice may wait. */
export function failureOf(
  fault: 'migration' | 'moment',
  migration: RowMigration,
  at: Checkpoint,
  error: DatabaseError,
): MigrationFailed | DatabaseUnavailable {
  const isOfMigration = fault === 'migration';
  const todo = isOfMigration
    ? `Correct the migration or its table, deploy, and ${goesOn}`
    : `Tried again and again in vain; look for long transactions, locks and load on the database, and ${goesOn}`;
  const say = (full: boolean) =>
    `${where(migration, at, full)}: ${full ? error.message : publicMessage(error)}. ${todo}`;
  const options = { inFull: say(true), cause: error };
  return isOfMigration
    ? new MigrationFailed(say(false), options)
    : new DatabaseUnavailable(say(false), options);
}

/** More bad rows than this migration allows. */
export async function budgetSpent(
  database: Database,
  migration: RowMigration,
  at: Checkpoint,
): Promise<ErrorBudgetSpent> {
  const [first] = await rowErrors(database, migration.name, 1);
  const example = first ? ` One of them: key (${first.key.join(', ')}): ${first.reason}.` : '';
  const say = (full: boolean) =>
    `${where(migration, at, full)}: ${at.rowErrorsOfThisRun} rows could not be migrated, its errorBudget is ` +
    `${migration.errorBudget}.${full ? example : ''} Which and why: npx migrations errors ${migration.name}, or ` +
    `SELECT * FROM ${textOf(ledger.rowErrors)} WHERE migration = '${migration.name}'. Correct the rows or the migration, or allow more, and ${goesOn}`;
  return new ErrorBudgetSpent(say(false), { inFull: say(true) });
}
