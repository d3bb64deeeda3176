import type { Caller, Validated } from '../contract.ts';
import type { Database } from '../engine/database/data-api.ts';
import { sql } from '../engine/database/sql.ts';
import { describeTable } from '../engine/database/table.ts';
import type { RowMigration } from '../engine/define/migration.ts';
import { MigrationFailed, Superseded } from '../engine/errors.ts';
import { sliceDeadline } from '../engine/invocation.ts';
import { claim, ofThisRun } from '../engine/ledger/checkpoint.ts';
import { ledger } from '../engine/ledger/names.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { countSlice, keepAnswer, runState } from '../engine/ledger/run-record.ts';
import { finish } from '../engine/lifecycle/migration-status.ts';
import { enterInvalid } from '../engine/restore/run-restore.ts';
import { invalid } from '../engine/slice/failure-messages.ts';
import { runValidations, validationResults, whatFailed } from '../engine/validate/run-validations.ts';
import type { Engine } from './engine.ts';
import { find, ofRows } from './registry.ts';

/**
 * Validates for one slice. After the last one of a run, the migration is finished, to be restored, or the run fails, as
 * `onInvalid` says; a run that was only asked to validate says what it found, whatever that is.
 */
export async function validate(engine: Engine, run: Caller, name: string): Promise<Validated> {
  const migration = ofRows(find(engine.migrations, name));
  await hold(engine.database, engine.statusOf, run);
  const { request } = await runState(engine.database, run);
  return request.validate === undefined
    ? validateMigrated(engine, run, migration)
    : report(engine, run, migration);
}

async function validateMigrated(engine: Engine, run: Caller, migration: RowMigration): Promise<Validated> {
  const { database } = engine;
  await checkOurs(database, migration, run);
  const at = await claim(database, migration.name, run);
  if (at === undefined) {
    throw doesNotHold(migration, run);
  }
  // Asked again after an answer that got lost.
  if (at.status === 'finished') {
    return answer('passed');
  }
  if (at.status === 'restoring' || at.status === 'restored') {
    return answer('restore');
  }

  const stage = await slice(engine, run, migration);
  if (!stage.ended) {
    return unended(engine, at.slices);
  }
  const results = validationResults(stage);
  if (migration.onInvalid === 'report' || results.every(({ passed }) => passed)) {
    const finished = await finish(database, migration, at, stage.seconds, results);
    return finished === undefined ? unended(engine, at.slices) : answer('passed');
  }
  if (migration.onInvalid === 'fail') {
    throw invalid(migration, whatFailed(stage.found));
  }
  const entered = await enterInvalid(database, at, whatFailed(stage.found));
  return entered ? answer('restore') : unended(engine, at.slices);
}

/** Redriven, after another run has worked on it: whether all its batches are done, this run does not know any more. */
async function checkOurs(database: Database, { name }: RowMigration, run: Caller): Promise<void> {
  const [other] = await database.query(sql`
    SELECT m.run FROM ${ledger.migrations} m
    WHERE m.name = ${name} AND m.status IN ('running', 'failed')
      AND NOT ${ofThisRun(sql`m.run`, sql`${run.execution_arn}`)}`);
  if (other === undefined) {
    return;
  }
  throw new MigrationFailed(
    `migration "${name}": the run ${other.run} has worked on it since this one. Start the machine again: it goes on from there`,
  );
}

async function report(engine: Engine, run: Caller, migration: RowMigration): Promise<Validated> {
  const slices = await countSlice(engine.database, run);
  if (slices === undefined) {
    throw doesNotHold(migration, run);
  }
  const stage = await slice(engine, run, migration);
  if (!stage.ended) {
    return unended(engine, slices);
  }
  await keepAnswer(engine.database, run, { validations: validationResults(stage) });
  return answer('passed');
}

async function slice({ database, clock, remaining, logger }: Engine, run: Caller, migration: RowMigration) {
  const deadline = sliceDeadline(clock, remaining());
  const columns = migration.validate.flatMap((validation) => validation.columns);
  const table = await describeTable(database, { ...migration, columns });
  const stage = await runValidations(database, migration, table, run, clock, deadline);
  const { ended, rows, pages } = stage;
  logger.info('validating', { ended, rows, pages });
  return stage;
}

const answer = (state: Validated['state']): Validated => ({ state, rest_seconds: 0 });

/** The time is up, or a duplicate of this invocation was faster. */
const unended = ({ slicesPerExecution }: Engine, slices: number): Validated =>
  answer(slices >= slicesPerExecution ? 'continued' : 'more');

const doesNotHold = ({ name }: RowMigration, run: Caller): Superseded =>
  new Superseded(`migration "${name}": the run ${run.execution_arn} does not hold the ledger`);
