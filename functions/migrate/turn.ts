import type { Caller, NotBegun } from '../contract.ts';
import type { Table } from '../engine/database/table.ts';
import type { Registered, RowMigration } from '../engine/define/registered.ts';
import { sliceDeadline } from '../engine/invocation.ts';
import { type Checkpoint, claim, letGo } from '../engine/ledger/checkpoint.ts';
import { doesNotHold } from '../engine/ledger/holder.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { isUnderWay } from '../engine/ledger/run-record.ts';
import { isTooNew } from '../engine/ledger/schema.ts';
import { Tally } from '../engine/slice/tally.ts';
import type { SliceInput } from '../engine/slice/walk.ts';
import type { Engine } from './engine.ts';
import { find } from './registry.ts';

/** One invocation for one migration, whose run is under way. */
export interface Turn {
  readonly engine: Engine;
  readonly run: Caller;
  readonly migration: Registered;
  /** The time for batches is up. */
  readonly isOver: () => boolean;
  /** What it does and meets. */
  readonly tally: Tally;
}

/**
 * What every operation of a migration begins with: finds it by its name, and makes sure that its run is under way. Where a newer
 * release has upgraded the ledger since, to one that this code cannot work with, nothing is done: the run goes on in its next part, with the code of that release. Throws
 * MigrationFailed for a name that is not registered, AlreadyRunning if another run is under way in its place, Superseded if this
 * invocation is older than what the ledger knows of its run.
 */
export async function withMigration<Answer>(
  engine: Engine,
  run: Caller,
  name: string,
  work: (turn: Turn) => Promise<Answer>,
): Promise<Answer | NotBegun> {
  const { database, clock, migrations, statusOf, remaining } = engine;
  const deadline = sliceDeadline(clock, remaining());
  const migration = find(migrations, name);
  if (await isTooNew(database)) {
    return { state: 'continued', rest_seconds: 0 };
  }
  await hold(database, statusOf, run);
  return work({ engine, run, migration, isOver: () => clock.now() >= deadline, tally: new Tally() });
}

/**
 * Makes this invocation the one that may write, and works with the checkpoint. If the run is not at the migration any more, because
 * it was paused or another run has taken it over, it is to ask again whether the migration is pending. Throws Superseded if the run is
 * not under way.
 */
export async function withClaim<Answer>(
  { engine, run, migration }: Turn,
  work: (at: Checkpoint) => Promise<Answer>,
  { holdsWhilePaused = false, isLane = false } = {},
): Promise<Answer | NotBegun> {
  const { database } = engine;
  const at = await claim(database, migration.name, run, isLane ? 'lane' : 'only one');
  if (at === undefined && !(await isUnderWay(database, run))) {
    throw doesNotHold(migration.name, run);
  }
  if (at === undefined) {
    return askAgain;
  }
  if (at.controls.paused !== null && !holdsWhilePaused) {
    await letGo(database, at);
    return askAgain;
  }
  return work(at);
}

const askAgain: NotBegun = { state: 'wait', rest_seconds: 1 };

/** What a slice works with, in this invocation. */
export function sliceOf({ engine, isOver, tally }: Turn, migration: RowMigration, table: Table): SliceInput {
  return { database: engine.database, clock: engine.clock, isOver, migration, table, tally };
}

/**
 * Whether a run goes on in its next part: before the history of this one gets long, or because a release that was deployed since asks
 * it to go on with the new code.
 */
export function isPartOver(
  { engine }: Pick<Turn, 'engine'>,
  { slices, renew }: { readonly slices: number; readonly renew: boolean },
): boolean {
  return renew || slices >= engine.slicesPerExecution;
}
