import { controlsOf } from '../engine/ledger/controls.ts';
import { isAlive } from '../engine/ledger/execution-status.ts';
import { runAt } from '../engine/ledger/run-lock.ts';
import { actionOf, type RunState } from '../engine/ledger/run-record.ts';
import { waitedFor } from '../engine/ledger/waiting.ts';
import { progressIn } from '../engine/lifecycle/how-far.ts';
import { isFinished } from '../engine/lifecycle/migration-status.ts';
import { notFinished } from '../engine/lifecycle/requires.ts';
import { backgroundRun, isLeftToBackground } from './background.ts';
import type { Turn } from './turn.ts';

/**
 * The first of the migrations required by this one that is not finished, but goes on in the background or is paused, in words;
 * undefined if all are finished. Throws MigrationFailed for one that nobody is at: waiting would not end.
 */
export async function firstMissing(turn: Turn, { request, results }: RunState): Promise<string | undefined> {
  const { engine, migration } = turn;
  const { database, migrations } = engine;
  for (const required of migrations.filter(({ name }) => migration.requires.includes(name))) {
    if (await isFinished(database, required)) {
      continue;
    }
    const { name } = required;
    const isRelease = actionOf(request) === undefined;
    // Whoever asks for one migration is told at once that it cannot be.
    if (!isRelease && request.background === undefined) {
      throw notFinished(migration.name, name);
    }
    const { percent } = await progressIn(database, name);
    const { paused } = await controlsOf(database, name);
    if (paused !== null) {
      return `${name}, ${percent} %, which ${paused.by} has paused`;
    }
    if (isLeftToBackground(results.get(name)) || (await isSomebodyAt(turn, name, isRelease))) {
      return `${name}, ${percent} %`;
    }
    throw notFinished(migration.name, name);
  }
  return undefined;
}

// The execution of a required migration may have been started a moment ago, and not have told the ledger yet.
const graceSeconds = 600;

async function isSomebodyAt({ engine, run }: Turn, name: string, isRelease: boolean): Promise<boolean> {
  if ((await backgroundRun(engine, name)) !== undefined) {
    return true;
  }
  // Somebody else's run in the foreground is not what a release may leave to the background.
  if (isRelease) {
    return false;
  }
  const at = await runAt(engine.database, name);
  if (at !== undefined && isAlive(await engine.statusOf(at.execution_arn))) {
    return true;
  }
  return (await waitedFor(engine.database, run)) < graceSeconds;
}
