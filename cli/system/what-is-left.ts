import { fitOf } from '../../functions/engine/ledger/schema.ts';
import { isPending } from '../../functions/engine/lifecycle/pending.ts';
import type { Ledger } from '../../functions/engine/overview/read-ledger.ts';
import type { Status } from '../../functions/engine/overview/status.ts';
import { counted, grouped } from '../output/format.ts';
import type { System } from './system.ts';

/** What keeps a migration from being finished. Undefined for one that is finished, or never had anything to do. */
export async function whatIsLeft(
  system: System,
  ledger: Ledger,
  { name, state, line }: Status,
): Promise<string | undefined> {
  const arriving = line?.result?.still_arriving ?? 0;
  if (state === 'finished' && arriving > 0) {
    return `${counted(arriving, 'row')} in the old form came in while it looked for the last time; the next run looks again`;
  }
  if (state === 'finished' || state === 'cleaned up') {
    return undefined;
  }
  if (line !== undefined) {
    if (line.restore && (line.status === 'restoring' || line.status === 'restored')) {
      return `its rows ${line.status === 'restored' ? 'were' : 'are being'} put back: ${line.restore.because}`;
    }
    const errors = line.errors > 0 ? `, ${counted(line.errors, 'row error')}` : '';
    const known = Math.max(line.rows_known, line.total_processed);
    return `${state}, ${grouped(line.total_processed)} of ${grouped(known)} rows done${errors}`;
  }
  const migration = system.registered.find((each) => each.name === name);
  // What it has to do is asked with the ledger's help, and there is none, or none yet of this version.
  if (migration === undefined || fitOf(ledger) !== 'usable') {
    return 'it has never run';
  }
  return (await isPending(await system.database(), migration)) ? 'it has never run, and has work' : undefined;
}
