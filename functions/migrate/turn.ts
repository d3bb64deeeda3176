import type { Caller } from '../contract.ts';
import type { Table } from '../engine/database/table.ts';
import type { Registered, RowMigration } from '../engine/define/registered.ts';
import { sliceDeadline } from '../engine/invocation.ts';
import { type Checkpoint, claim } from '../engine/ledger/checkpoint.ts';
import { doesNotHold } from '../engine/ledger/holder.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import type { SliceInput } from '../engine/slice/slice.ts';
import type { Engine } from './engine.ts';
import { find } from './registry.ts';

/** One invocation for one migration, whose run holds the ledger. */
export interface Turn {
  readonly engine: Engine;
  readonly run: Caller;
  readonly migration: Registered;
  /** The time for batches is up. */
  readonly isOver: () => boolean;
}

/**
 * What every operation of a migration begins with: finds it by its name, and makes sure that its run holds the ledger. Throws
 * MigrationFailed for a name that is not registered, AlreadyRunning if another run holds the ledger, Superseded if this
 * invocation is older than what the ledger knows of its run.
 */
export async function withMigration<Answer>(
  engine: Engine,
  run: Caller,
  name: string,
  work: (turn: Turn) => Promise<Answer>,
): Promise<Answer> {
  const { database, clock, migrations, statusOf, remaining } = engine;
  const deadline = sliceDeadline(clock, remaining());
  const migration = find(migrations, name);
  await hold(database, statusOf, run);
  return work({ engine, run, migration, isOver: () => clock.now() >= deadline });
}

/** Makes this invocation the one that may write. Throws Superseded if its run does not hold the ledger. */
export async function claimed({ engine, run, migration }: Turn): Promise<Checkpoint> {
  const at = await claim(engine.database, migration.name, run);
  if (at === undefined) {
    throw doesNotHold(migration.name, run);
  }
  return at;
}

/** What a slice works with, in this invocation. */
export function sliceOf({ engine, isOver }: Turn, migration: RowMigration, table: Table): SliceInput {
  return { database: engine.database, clock: engine.clock, isOver, migration, table };
}

/** Whether an execution that has had so many slices goes on in its continuation, before its history gets long. */
export function isHistoryLong({ engine }: Turn, slices: number): boolean {
  return slices >= engine.slicesPerExecution;
}
