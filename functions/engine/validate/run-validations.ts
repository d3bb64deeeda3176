import type { Caller, ValidationResult } from '../../contract.ts';
import { measured, startPace } from '../batch/batch-size.ts';
import type { RowMigration } from '../define/registered.ts';
import { type DatabaseError, DatabaseUnavailable, MigrationFailed, publicMessage } from '../errors.ts';
import { inBatches, type Next, type Step } from '../slice/batch-loop.ts';
import type { SliceInput } from '../slice/walk.ts';
import {
  loadProgress,
  type NamedFindings,
  saveProgress,
  type ValidationProgress,
} from './validation-progress.ts';
import { checkValidations, shown, validatePage, validateRow } from './validation-query.ts';

// A read that nobody waits for, 20 times below the Data API's limit, and vacuum is held back no longer than that.
const pagePace = { targetSeconds: 2, restSeconds: undefined, maxRows: 100_000 };

/**
 * Evaluates all validations of a migration for every row, in one walk over the table by its key, until that has ended or the
 * time is up. Rows that are written behind the walk are not looked at again. Throws MigrationFailed for a validation that
 * cannot be evaluated.
 */
export async function runValidations(
  { database, clock, isOver, migration, table, tally }: SliceInput,
  run: Caller,
): Promise<ValidationProgress> {
  let saved = await loadProgress(database, migration, run);
  if (migration.validate.length === 0) {
    return { ...saved.progress, ended: true };
  }
  if (saved.progress.pages === 0) {
    await checkValidations(database, migration, table);
  }

  const batch = async ({ size: limit, alone, begun, pace }: Next): Promise<Step> => {
    const { cursor, ended } = saved.progress;
    if (ended) {
      return 'done';
    }
    const page = await (alone
      ? validateRow(database, migration, table, cursor)
      : validatePage(database, table, migration.validate, { cursor, limit }));
    const seconds = clock.now() - begun;
    // A page of a single row, or nearly empty, says nothing about the pace.
    const { secondsPerRow } =
      !alone && page.rows >= limit / 2 ? measured(pace, { rows: page.rows, seconds, bytesPerRow: 0 }) : pace;
    saved = await saveProgress(database, migration, run, saved, { ...page, limit, seconds, secondsPerRow });
    checkEvaluated(migration, saved.progress);
    return { rows: page.rows, bytesPerRow: 0 };
  };

  await inBatches({
    clock,
    isOver,
    pace: startPace(pagePace, saved.progress.secondsPerRow),
    batch,
    failure: (fault, error) => failureOf(fault, migration, saved.progress, error),
    tally,
  });
  return saved.progress;
}

/** What validations found, as a result map has it. */
export function validationResults({ found }: ValidationProgress): ValidationResult[] {
  return found.map(({ name, failedRows, keys }) => ({
    name,
    passed: failedRows === 0,
    failed_rows: failedRows,
    ...(keys.length > 0 && { keys }),
  }));
}

/**
 * In words what failed: each validation with its rows, and how many of them it could not be asked of; in full, some of their keys,
 * and why it could not.
 */
export function whatFailed(found: readonly NamedFindings[], full: boolean): string {
  return found
    .filter(({ failedRows }) => failedRows > 0)
    .map(({ name, failedRows, keys, unevaluated, reason }) => {
      const what = `"${name}" failed for ${failedRows} ${failedRows === 1 ? 'row' : 'rows'}`;
      const some = keys.map((key) => `(${key})`).join(', ');
      const which = full ? `${failedRows > keys.length ? ', such as' : ':'} ${some}` : '';
      const unasked = `; of ${unevaluated} of them it could not even be asked${full ? `: ${reason}` : ''}`;
      return `${what}${which}${unevaluated === 0 ? '' : unasked}`;
    })
    .join('; ');
}

/** Rows are cornered one by one: where they are many, it is the validation that is wrong. */
function checkEvaluated({ name, errorBudget }: RowMigration, { found }: ValidationProgress): void {
  for (const { name: validation, unevaluated, keys, reason } of found) {
    if (unevaluated <= errorBudget) {
      continue;
    }
    const say = (full: boolean) =>
      `migration "${name}": the validation "${validation}" cannot be asked of ${unevaluated} rows` +
      `${full ? `, such as (${keys[0]}): ${reason}` : ''}. The errorBudget is ${errorBudget}. Write it so that it can, deploy, ` +
      'and start the machine again: it goes on with validating';
    throw new MigrationFailed(say(false), { inFull: say(true) });
  }
}

/** Why validating ends. */
function failureOf(
  fault: 'migration' | 'moment',
  { name }: RowMigration,
  { cursor }: ValidationProgress,
  error: DatabaseError,
): Error {
  const where = cursor === null ? 'at the first key' : `after key (${shown(cursor)})`;
  const isOfTheMoment = fault === 'moment';
  const what = isOfTheMoment
    ? 'Tried again and again in vain; look for locks and load on the database'
    : 'Correct the validations or the table, deploy';
  const Failure = isOfTheMoment ? DatabaseUnavailable : MigrationFailed;
  const say = (full: boolean) =>
    `migration "${name}", validating${full ? ` ${where}` : ''}: ${full ? error.message : publicMessage(error)}. ${what}, and start ` +
    'the machine again: it goes on with validating';
  return new Failure(say(false), { inFull: say(true), cause: error });
}
