import type { Caller, Pending, RunInput } from '../contract.ts';
import type { Statements } from '../engine/database/data-api.ts';
import { MigrationFailed } from '../engine/errors.ts';
import { controlsOf } from '../engine/ledger/controls.ts';
import { stillRuns } from '../engine/ledger/run-lock.ts';
import { actionOf, type RunState, runState } from '../engine/ledger/run-record.ts';
import { waitsNoMore } from '../engine/ledger/waiting.ts';
import { type Admission, admit, type Conflict } from '../engine/lifecycle/admission.ts';
import { begin, beginRestore, beginRetry, goOnRestoring } from '../engine/lifecycle/begin.ts';
import { progressIn } from '../engine/lifecycle/how-far.ts';
import { statusOf } from '../engine/lifecycle/migration-status.ts';
import { isPending } from '../engine/lifecycle/pending.ts';
import { rowsKnown } from '../engine/lifecycle/rows-known.ts';
import { inBackground, isLeftToBackground } from './background.ts';
import { ofRows } from './registry.ts';
import { firstMissing } from './requires.ts';
import { keptResult, withoutSamples } from './result-map.ts';
import { isPartOver, type Turn } from './turn.ts';
import { waitFor } from './wait-for.ts';

/** Asks one migration whether it has work, and enters it in the ledger as this run's if so. */
export async function pending(turn: Turn): Promise<Pending> {
  const { engine, run, migration } = turn;
  const { database } = engine;
  const state = await runState(database, run);
  const before = state.results.get(migration.name);
  // Asked again because an answer got lost, nobody may have started the execution in the background.
  if (before !== undefined && !isLeftToBackground(before)) {
    return { state: 'done', result: withoutSamples(before) };
  }
  if (isPartOver(turn, state)) {
    return { state: 'continued' };
  }

  switch (actionOf(state.request)?.action) {
    case 'validate':
      return { state: 'validate' };
    case 'cleanup':
      return { state: 'cleanup' };
    case 'restore':
      return enter(turn, state, 'restore', async (tx) => {
        await beginRestore(tx, ofRows(migration), run);
        return true;
      });
    case 'retry':
      ofRows(migration);
      await refusePaused(turn);
      return enter(turn, state, 'pending', (tx) => beginRetry(tx, ofRows(migration), run));
    case 'only':
      await refusePaused(turn);
      return migrate(turn, state);
    case 'background':
    case undefined:
      return (await whilePaused(turn, state)) ?? migrate(turn, state);
    default:
      // A run that is asked for something else must not migrate.
      throw new MigrationFailed(`no such action: ${JSON.stringify(state.request)}`);
  }
}

/** Begins with a migration that is pending, here or in the background. */
async function migrate(turn: Turn, state: RunState): Promise<Pending> {
  const { engine, run, migration } = turn;
  const { database } = engine;
  const { request } = state;
  const status = await statusOf(database, migration.name);
  if (status === 'restoring') {
    return enter(turn, state, 'restore', (tx) => goOnRestoring(tx, migration.name, run));
  }
  const isThorough = request.thorough === true;
  if (isThorough && ofRows(migration).where === undefined) {
    throw new MigrationFailed(
      `migration "${migration.name}" has no "where": nothing tells its rows from others, so a thorough look finds none`,
    );
  }
  const hasWork = await isPending(database, migration, { isThorough });
  const isRelease = actionOf(request) === undefined;
  if (hasWork && isRelease && migration.background && request.mode !== 'foreground') {
    return inBackground(turn);
  }
  // A migration that was started by its name may have nothing to do only because the ones it requires have not run yet.
  if (hasWork || (actionOf(request) !== undefined && status === undefined)) {
    const missing = await firstMissing(turn, state);
    if (missing !== undefined && isRelease) {
      return inBackground(turn);
    }
    if (missing !== undefined) {
      return waitFor(turn, { for: 'another', reason: missing });
    }
  }
  if (!hasWork) {
    return { state: 'skipped', result: 'skipped' };
  }
  const known = await rowsKnown(database, migration, { isThorough });
  return enter(turn, state, 'pending', (tx) => begin(tx, migration, run, known, status));
}

/** Enters the migration as this run's, unless something is in the way. */
async function enter(
  turn: Turn,
  { request }: RunState,
  next: 'pending' | 'restore',
  work: (tx: Statements) => Promise<boolean>,
): Promise<Pending> {
  const { engine, run } = turn;
  const { database } = engine;
  const as = next === 'restore' ? 'restoring' : 'running';
  const found = await admit(database, engine.statusOf, { ...admission(turn, run, request), as }, work);
  if (found === 'admitted') {
    await waitsNoMore(database, run);
    return { state: next };
  }
  if (found === 'not entered') {
    // There is nothing to retry; or this run or another has finished it before, or cleaned it up, as its batches will find.
    return request.retry === undefined ? { state: next } : { state: 'skipped', result: 'skipped' };
  }
  return inTheWay(turn, request, found);
}

function admission({ engine, migration }: Turn, run: Caller, request: RunInput): Omit<Admission, 'as'> {
  const registered = engine.migrations.map(({ name }) => name);
  return {
    run,
    migration,
    background: request.background === undefined ? undefined : { most: engine.backgroundAtOnce, registered },
    takesOver: request.mode === 'foreground',
  };
}

/** What a run does about what is in its way: a release does not wait for what goes on in the background, it joins it there. */
async function inTheWay(turn: Turn, request: RunInput, conflict: Conflict): Promise<Pending> {
  const action = actionOf(request)?.action;
  if (action === undefined && conflict.inBackground) {
    return inBackground(turn);
  }
  const [holder] = conflict.runs;
  if (action !== undefined && action !== 'background' && conflict.because === 'migration' && holder) {
    throw stillRuns(holder.execution_arn);
  }
  const what = conflict.because === 'place' ? 'a place' : 'another';
  return waitFor(turn, { for: what, reason: conflict.reason });
}

/** What a run does about a migration that is paused; undefined if it is not. */
async function whilePaused(turn: Turn, { request }: RunState): Promise<Pending | undefined> {
  const { database } = turn.engine;
  const { paused } = await controlsOf(database, turn.migration.name);
  if (paused === null) {
    return undefined;
  }
  const { by, at: since, reason } = paused;
  if (request.background !== undefined) {
    return waitFor(turn, {
      for: 'the end of a pause',
      reason: `somebody to resume it: ${by} paused it${reason === null ? '' : ` (${reason})`}`,
    });
  }
  const hasWork = await isPending(database, turn.migration);
  if (!hasWork) {
    return { state: 'skipped', result: 'skipped' };
  }
  const progress = await progressIn(database, turn.migration.name);
  const result = { state: 'paused' as const, by, since, ...(reason !== null && { reason }), ...progress };
  return { state: 'paused', result: await keptResult(turn, result) };
}

/** Somebody asks for a migration that somebody has paused. */
async function refusePaused({ engine, migration: { name } }: Turn): Promise<void> {
  const { paused } = await controlsOf(engine.database, name);
  if (paused === null) {
    return;
  }
  const why = paused.reason === null ? '' : `: ${paused.reason}`;
  throw new MigrationFailed(
    `migration "${name}" was paused by ${paused.by} at ${paused.at}${why}. npx migrations resume ${name} ends that`,
  );
}
