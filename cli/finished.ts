import { registered } from '../functions/engine/define/registered.ts';
import { countLeft } from '../functions/engine/lifecycle/count-left.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { counted } from './output/format.ts';
import { statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';
import { whatIsLeft } from './system/what-is-left.ts';

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
