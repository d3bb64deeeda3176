import { isAlive } from '../../functions/engine/ledger/execution-status.ts';
import {
  aboutLedger,
  type Ledger,
  type Run,
  readLedger,
} from '../../functions/engine/overview/read-ledger.ts';
import { type Status, statusesIn } from '../../functions/engine/overview/status.ts';
import { statusOf } from './executions.ts';
import { requireKnown } from './names.ts';
import type { System } from './system.ts';

/** Every migration: the registered ones in their order, then those that only the ledger remembers. */
export async function statuses(system: System): Promise<{ ledger: Ledger; all: readonly Status[] }> {
  const ledger = await readLedger(await system.database());
  const about = aboutLedger(ledger);
  if (about !== undefined) {
    system.io.err.write(`${about}\n`);
  }
  const alive: Run[] = [];
  for (const run of ledger.running) {
    if (isAlive(await statusOf(system, run.execution_arn))) {
      alive.push(run);
    }
  }
  return { ledger, all: statusesIn(system.registered, ledger, alive) };
}

/** One of them. Throws Misuse, with the known ones, if there is none of this name. */
export async function statusOfOne(system: System, name: string): Promise<{ ledger: Ledger; status: Status }> {
  const { ledger, all } = await statuses(system);
  requireKnown(
    name,
    all.map((each) => each.name),
  );
  return { ledger, status: all.find((each) => each.name === name) as Status };
}
