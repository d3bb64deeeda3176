import type { Caller, ValidationResult } from '../../contract.ts';
import { measured, startPace, tooSlow } from '../batch/batch-size.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import type { Table } from '../database/table.ts';
import type { RowMigration } from '../define/migration.ts';
import { DatabaseError, DatabaseUnavailable, MigrationFailed } from '../errors.ts';
import { mostFailures, pauseAfter } from '../slice/backoff.ts';
import { keep, type NamedFound, type Stage, stageOf } from './validation-progress.ts';
import { askOne, askPage, checkValidations, shown } from './validation-query.ts';

// A read that nobody waits for, 20 times below the Data API's limit, and vacuum is held back no longer than that.
const pagePace = { targetSeconds: 2, restSeconds: undefined, maxRows: 100_000 };

/**
 * Asks all validations of a migration of every row, in one walk over the table by its key, until that has ended or the
 * deadline has come. Rows that are written behind the walk are not looked at again. Throws MigrationFailed for a validation
 * that cannot be asked.
 */
export async function runValidations(
  database: Database,
  migration: RowMigration,
  table: Table,
  run: Caller,
  clock: Clock,
  deadline: number,
): Promise<Stage> {
  let kept = await stageOf(database, migration, run);
  if (migration.validate.length === 0) {
    return { ...kept.stage, ended: true };
  }
  if (kept.stage.pages === 0) {
    await checkValidations(database, migration, table);
  }
  let pace = startPace(pagePace, kept.stage.secondsPerRow);
  // Rows at most, while one of which a validation cannot be asked is being cornered: as a slice does with bad rows.
  let corner = Number.POSITIVE_INFINITY;
  let failures = 0;

  while (!kept.stage.ended && clock.now() < deadline) {
    const begun = clock.now();
    const { cursor } = kept.stage;
    const limit = Math.min(pace.size, corner);
    try {
      const asked = await (corner === 1
        ? askOne(database, migration, table, cursor)
        : askPage(database, table, migration.validate, cursor, limit));
      const seconds = clock.now() - begun;
      failures = 0;
      if (corner > pace.size && asked.rows >= limit / 2) {
        pace = measured(pace, asked.rows, seconds, 0);
      }
      corner = corner > pace.size ? Number.POSITIVE_INFINITY : corner * 2;
      const { secondsPerRow } = pace;
      kept = await keep(database, migration, run, kept, { ...asked, limit, seconds, secondsPerRow });
      checkAskable(migration, kept.stage);
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        throw error;
      }
      if (error.fault === 'row' && limit > 1) {
        corner = Math.max(1, Math.floor(limit / 2));
        continue;
      }
      failures += 1;
      if (error.fault !== 'moment' || failures > mostFailures) {
        throw asFailure(migration, kept.stage, error);
      }
      pace = tooSlow(pace, limit, clock.now() - begun);
      await clock.sleep(pauseAfter(failures));
    }
  }
  return kept.stage;
}

/** What validations found, as a result map has it. */
export function validationResults({ found }: Stage): ValidationResult[] {
  return found.map(({ name, failedRows, keys }) => ({
    name,
    passed: failedRows === 0,
    failed_rows: failedRows,
    ...(keys.length > 0 && { keys }),
  }));
}

/** In words what failed: each validation with its rows, some of their keys, and why some could not be asked. */
export function whatFailed(found: readonly NamedFound[]): string {
  return found
    .filter(({ failedRows }) => failedRows > 0)
    .map(({ name, failedRows, keys, unasked, reason }) => {
      const rows = failedRows === 1 ? 'row' : 'rows';
      const some = keys.map((key) => `(${key})`).join(', ');
      const what = `"${name}" failed for ${failedRows} ${rows}${failedRows > keys.length ? ', such as' : ':'} ${some}`;
      return unasked === 0 ? what : `${what}; of ${unasked} of them it could not even be asked: ${reason}`;
    })
    .join('; ');
}

/** Rows are cornered one by one: where they are many, it is the validation that is wrong. */
function checkAskable({ name, errorBudget }: RowMigration, { found }: Stage): void {
  for (const { name: validation, unasked, keys, reason } of found) {
    if (unasked <= errorBudget) {
      continue;
    }
    throw new MigrationFailed(
      `migration "${name}": the validation "${validation}" cannot be asked of ${unasked} rows, such as (${keys[0]}): ` +
        `${reason}. The errorBudget is ${errorBudget}. Write it so that it can, deploy, and start the machine again: it goes ` +
        'on with validating',
    );
  }
}

function asFailure({ name }: RowMigration, { cursor }: Stage, error: DatabaseError): Error {
  const where = cursor === null ? 'at the first key' : `after key (${shown(cursor)})`;
  const isOfTheMoment = error.fault === 'moment';
  const what = isOfTheMoment
    ? 'Tried again and again in vain; look for locks and load on the database'
    : 'Correct the validations or the table, deploy';
  const Failure = isOfTheMoment ? DatabaseUnavailable : MigrationFailed;
  return new Failure(
    `migration "${name}", validating ${where}: ${error.message}. ${what}, and start the machine again: it goes on with ` +
      'validating',
    { cause: error },
  );
}
