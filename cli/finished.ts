import { versions } from '../functions/engine/ledger/schema.ts';
import { isPending } from '../functions/engine/lifecycle/pending.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { grouped } from './output/format.ts';
import type { Ledger } from './system/ledger.ts';
import { type Status, statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';

export const finished: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'finished <migration>',
  about: 'answer by the exit code whether a migration is finished',
  exits: ['yes', 'not yet: what is left is said', noSuchMigration],
  options: [jsonOption],
  async run(system, { json }, name = '') {
    const { ledger, status } = await statusOfOne(system, name);
    const { state } = status;
    const left = await whatIsLeft(system, ledger, status);
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
  return `, but ${grouped(errors)} rows could not be migrated: ${system.command(`errors ${name}`)}`;
}

/** Undefined for a migration that is finished, or never had anything to do. */
async function whatIsLeft(
  system: System,
  ledger: Ledger,
  { name, state, line }: Status,
): Promise<string | undefined> {
  if (state === 'finished' || state === 'cleaned up') {
    return undefined;
  }
  if (line !== undefined) {
    if (line.restore && (line.status === 'restoring' || line.status === 'restored')) {
      return `its rows ${line.status === 'restored' ? 'were' : 'are being'} put back: ${line.restore.because}`;
    }
    const errors = line.errors > 0 ? `, ${grouped(line.errors)} row errors` : '';
    const known = Math.max(line.rows_known, line.total_processed);
    return `${state}, ${grouped(line.total_processed)} of ${grouped(known)} rows done${errors}`;
  }
  const migration = system.registered.find((each) => each.name === name);
  // What it has to do is asked with the ledger's help, and there is none, or none yet of this version.
  if (migration === undefined || ledger.version < versions.length) {
    return 'it has never run';
  }
  return (await isPending(await system.database(), migration)) ? 'it has never run, and has work' : undefined;
}
