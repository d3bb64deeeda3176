import type { Pending } from '../contract.ts';
import { doesNotHold } from '../engine/ledger/holder.ts';
import { type WaitsFor, wait } from '../engine/ledger/waiting.ts';
import type { Turn } from './turn.ts';

/** Notes what the run waits for, and says when it looks again. Throws Superseded if the run is not under way any more. */
export async function waitFor(
  { engine, run, migration }: Turn,
  what: { readonly for: WaitsFor; readonly reason: string },
): Promise<Pending> {
  const rest = await wait(engine.database, run, what);
  if (rest === undefined) {
    throw doesNotHold(migration.name, run);
  }
  const reason = `waits for ${what.reason}`;
  engine.logger.info('waiting', { reason, seconds: rest.seconds, waited: rest.waited });
  return { state: 'wait', rest_seconds: rest.seconds, reason };
}
