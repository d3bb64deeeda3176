import { string } from 'valibot';
import type { Validated } from '../contract.ts';
import { sql } from '../engine/database/sql.ts';
import { describeTable } from '../engine/database/table.ts';
import type { RowMigration } from '../engine/define/registered.ts';
import { MigrationFailed } from '../engine/errors.ts';
import { doesNotHold, ofThisRun } from '../engine/ledger/holder.ts';
import { may } from '../engine/ledger/life-cycle.ts';
import { ledger } from '../engine/ledger/names.ts';
import { countSlice, keepAnswer, runState } from '../engine/ledger/run-record.ts';
import { finish } from '../engine/lifecycle/finish.ts';
import { enterInvalid } from '../engine/restore/run-restore.ts';
import { invalid } from '../engine/restore/validation-failed.ts';
import { runValidations, validationResults, whatFailed } from '../engine/validate/run-validations.ts';
import type { ValidationProgress } from '../engine/validate/validation-progress.ts';
import { ofRows } from './registry.ts';
import { claimed, isHistoryLong, sliceOf, type Turn } from './turn.ts';

/**
 * Validates for one slice. After the last one of a run, the migration is finished, to be restored, or the run fails, as
 * `onInvalid` says; a run that was only asked to validate says what it found, whatever that is.
 */
export async function validate(turn: Turn): Promise<Validated> {
  const migration = ofRows(turn.migration);
  const { request } = await runState(turn.engine.database, turn.run);
  return request.validate === undefined ? validateMigrated(turn, migration) : report(turn, migration);
}

async function validateMigrated(turn: Turn, migration: RowMigration): Promise<Validated> {
  const { database } = turn.engine;
  await checkOurs(turn);
  const at = await claimed(turn);
  // The same call again, because its first answer got lost.
  if (at.status === 'finished') {
    return answer('passed');
  }
  if (at.status === 'restoring' || at.status === 'restored') {
    return answer('restore');
  }

  const progress = await slice(turn, migration);
  const { ended, seconds, found } = progress;
  if (!ended) {
    return unended(turn, at.slices);
  }
  const validations = validationResults(progress);
  if (migration.onInvalid === 'report' || validations.every(({ passed }) => passed)) {
    const isFinished = await finish(database, migration, at, { seconds, validations });
    return isFinished ? answer('passed') : unended(turn, at.slices);
  }
  const failed = { what: whatFailed(found, false), inFull: whatFailed(found, true) };
  if (migration.onInvalid === 'fail') {
    throw invalid(migration, failed);
  }
  const isEntered = await enterInvalid(database, at, failed);
  return isEntered ? answer('restore') : unended(turn, at.slices);
}

/**
 * Refuses to go on in a redriven run if another run has worked on the migration since: whether all its batches are done, this
 * run does not know any more. Throws MigrationFailed.
 */
async function checkOurs({ engine, run, migration: { name } }: Turn): Promise<void> {
  const [other] = await engine.database.query(
    sql`
    SELECT m.run FROM ${ledger.migrations} m
    WHERE m.name = ${name} AND ${may('begin')} AND NOT ${ofThisRun(sql`m.run`, sql`${run.execution_arn}`)}`,
    { run: string() },
  );
  if (other === undefined) {
    return;
  }
  throw new MigrationFailed(
    `migration "${name}": the run ${other.run} has worked on it since this one. Start the machine again: it goes on from there`,
  );
}

async function report(turn: Turn, migration: RowMigration): Promise<Validated> {
  const { database } = turn.engine;
  const slices = await countSlice(database, turn.run);
  if (slices === undefined) {
    throw doesNotHold(migration.name, turn.run);
  }
  const progress = await slice(turn, migration);
  if (!progress.ended) {
    return unended(turn, slices);
  }
  await keepAnswer(database, turn.run, { validations: validationResults(progress) });
  return answer('passed');
}

async function slice(turn: Turn, migration: RowMigration): Promise<ValidationProgress> {
  const { database, logger } = turn.engine;
  const columns = migration.validate.flatMap((validation) => validation.columns);
  const table = await describeTable(database, { ...migration, columns });
  const progress = await runValidations(sliceOf(turn, migration, table), turn.run);
  const { ended, rows, pages } = progress;
  logger.info('validating', { ended, rows, pages });
  return progress;
}

const answer = (state: Validated['state']): Validated => ({ state, rest_seconds: 0 });

/** The time is up, or a duplicate of this invocation was faster. */
const unended = (turn: Turn, slices: number): Validated =>
  answer(isHistoryLong(turn, slices) ? 'continued' : 'more');
