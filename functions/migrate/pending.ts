import type { Caller, Pending } from '../contract.ts';
import { begin } from '../engine/lifecycle.ts';
import { isPending, rowsKnown } from '../engine/pending.ts';
import { hold, slicesOf } from '../engine/runs.ts';
import { describeTable } from '../engine/table.ts';
import type { Engine } from './migrate.ts';
import { find } from './registry.ts';

/** Asks one migration whether it has work, and enters it in the ledger if so. */
export async function pending(engine: Engine, run: Caller, name: string): Promise<Pending> {
  const { database, migrations, statusOf, slicesPerExecution } = engine;
  const migration = find(migrations, name);
  await hold(database, statusOf, run);
  if ((await slicesOf(database, run)) >= slicesPerExecution) return { state: 'continued' };
  const table = await describeTable(database, migration);
  if (!(await isPending(database, migration, table))) return { state: 'skipped' };
  await begin(database, migration, run, await rowsKnown(database, table));
  return { state: 'pending' };
}
