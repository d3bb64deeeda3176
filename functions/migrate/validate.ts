import type { NotBegun, Validated } from '../contract.ts';
import { describeTable } from '../engine/database/table.ts';
import type { RowMigration } from '../engine/define/registered.ts';
import type { Checkpoint } from '../engine/ledger/checkpoint.ts';
import { doesNotHold } from '../engine/ledger/holder.ts';
import { countSlice, runState } from '../engine/ledger/run-record.ts';
import { finish } from '../engine/lifecycle/finish.ts';
import { enterInvalid } from '../engine/restore/run-restore.ts';
import { invalid } from '../engine/restore/validation-failed.ts';
import { runValidations, validationResults, whatFailed } from '../engine/validate/run-validations.ts';
import type { ValidationProgress } from '../engine/validate/validation-progress.ts';
import { ofRows } from './registry.ts';
import { keptResult } from './result-map.ts';
import { told } from './told.ts';
import { isPartOver, sliceOf, type Turn, withClaim } from './turn.ts';

/**
 * Validates for one slice. After the last one of a run, the migration is finished, to be restored, or the run fails, as
 * `onInvalid` says; a run that was only asked to validate says what it found, whatever that is.
 */
export async function validate(turn: Turn): Promise<Validated | NotBegun> {
  const migration = ofRows(turn.migration);
  const { request } = await runState(turn.engine.database, turn.run);
  return request.validate === undefined
    ? withClaim(turn, (at) => validateMigrated(turn, migration, at))
    : report(turn, migration);
}

async function validateMigrated(turn: Turn, migration: RowMigration, at: Checkpoint): Promise<Validated> {
  const { database } = turn.engine;
  // The same call again, because its first answer got lost.
  if (at.status === 'finished') {
    return { ...answer('passed'), result: await keptResult(turn) };
  }
  if (at.status === 'restoring' || at.status === 'restored') {
    return answer('restore');
  }

  const progress = await slice(turn, migration);
  const { ended, seconds, found } = progress;
  if (!ended) {
    return unended(turn, at);
  }
  const validations = validationResults(progress);
  if (migration.onInvalid === 'report' || validations.every(({ passed }) => passed)) {
    const isFinished = await finish(database, migration, at, { seconds, validations });
    return isFinished ? { ...answer('passed'), result: await keptResult(turn) } : unended(turn, at);
  }
  const failed = { what: whatFailed(found, false), inFull: whatFailed(found, true) };
  if (migration.onInvalid === 'fail') {
    throw invalid(migration, failed);
  }
  const isEntered = await enterInvalid(database, at, failed);
  return isEntered ? answer('restore') : unended(turn, at);
}

async function report(turn: Turn, migration: RowMigration): Promise<Validated> {
  const { database } = turn.engine;
  const part = await countSlice(database, turn.run);
  if (part === undefined) {
    throw doesNotHold(migration.name, turn.run);
  }
  const progress = await slice(turn, migration);
  if (!progress.ended) {
    return unended(turn, part);
  }
  const result = await keptResult(turn, { validations: validationResults(progress) });
  return { ...answer('passed'), result };
}

async function slice(turn: Turn, migration: RowMigration): Promise<ValidationProgress> {
  const { engine, tally } = turn;
  const columns = migration.validate.flatMap((validation) => validation.columns);
  const table = await describeTable(engine.database, { ...migration, columns });
  const work = async () => {
    const progress = await runValidations(sliceOf(turn, migration, table), turn.run);
    return { ...progress, state: progress.ended ? 'done' : 'more' };
  };
  return told(turn, 'validating', work, (progress) => ({
    values: {
      FailuresTriedAgain: tally.triedAgain,
      InvalidRows: progress?.ended ? sum(progress.found.map(({ failedRows }) => failedRows)) : undefined,
    },
  }));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

const answer = (state: Validated['state']): Validated => ({ state, rest_seconds: 0 });

/** The time is up, or a duplicate of this invocation was faster. */
const unended = (turn: Turn, part: Parameters<typeof isPartOver>[1]): Validated =>
  answer(isPartOver(turn, part) ? 'continued' : 'more');
