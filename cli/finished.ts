import { registered } from '../functions/engine/define/registered.ts';
import { fitOf } from '../functions/engine/ledger/schema.ts';
import { countLeft } from '../functions/engine/lifecycle/count-left.ts';
import { isPending } from '../functions/engine/lifecycle/pending.ts';
import type { Ledger } from '../functions/engine/overview/read-ledger.ts';
import type { Status } from '../functions/engine/overview/status.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { counted, grouped } from './output/format.ts';
import { statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';

interface Options {
  readonly json?: boolean;
  readonly thorough?: boolean;
}

export const finished: OperatorCommand<Options> = {
  usage: 'finished <migration>',
  about: 'answer by the exit code whether a migration is finished',
  exits: ['yes', 'not yet: what is left is said', noSuchMigration],
  options: [
    jsonOption,
    ['--thorough', 'look at every row of its table, page by page, for ones in the old form'],
  ],
  async run(system, { json, thorough = false }, name = '') {
    const { ledger, status } = await statusOfOne(system, name);
    const { state } = status;
    // Once it is cleaned up, its columns may be gone, and it never runs again.
    const looksAgain = thorough && state !== 'cleaned up';
    const left =
      (await whatIsLeft(system, ledger, status)) ??
      (looksAgain ? await inTheOldForm(system, name) : undefined);
    const errors = status.line?.errors ?? 0;
    const answer = { name, finished: left === undefined, state, left: left ?? null, errors };
    if (json) {
      system.io.out.write(`${JSON.stringify(answer)}\n`);
    }
    system.io.err.write(
      left === undefined
        ? `${name} is finished${withErrors(system, name, errors)}\n`
        : `${name} is not finished: ${left}\n`,
    );
    return left === undefined ? 0 : 1;
  },
};

/** Rows that could not be migrated do not keep it from being finished, but nobody should be surprised by them. */
function withErrors(system: System, name: string, errors: number): string {
  if (errors === 0) {
    return '';
  }
  return `, but ${counted(errors, 'row')} could not be migrated: ${system.command(`errors ${name}`)}`;
}

/** Undefined for a migration that is finished, or never had anything to do. */
async function whatIsLeft(
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

/** Looks at every row. Undefined if none is in the old form, or where nothing tells the forms apart. */
async function inTheOldForm(system: System, name: string): Promise<string | undefined> {
  const found = system.registered.find((each) => each.name === name);
  const migration = found && registered(found);
  if (migration === undefined || migration.kind === 'alterTables') {
    return undefined;
  }
  const left = await countLeft(await system.database(), migration);
  if (left === undefined) {
    system.io.err.write(`${name} has no "where": nothing tells its rows from others\n`);
    return undefined;
  }
  const again = `${system.command(`start --only ${name} --thorough`)} looks at every row again`;
  return left === 0 ? undefined : `${counted(left, 'row is', 'rows are')} in the old form. ${again}`;
}
