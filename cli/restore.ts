import { createInterface } from 'node:readline/promises';
import type { ResultMap } from '../functions/contract.ts';
import { visible } from '../functions/visible.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { Misuse } from './command/misuse.ts';
import { grouped } from './output/format.ts';
import { act } from './system/act.ts';
import { type RunOptions, runOptions } from './system/input.ts';
import { statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';

export const restore: OperatorCommand<RunOptions & { readonly yes?: boolean }> = {
  usage: 'restore <migration>',
  about: 'put back the rows that a migration changed and nobody has changed since',
  exits: [
    'done: how many were put back and how many left is on stdout',
    'not confirmed, or the run failed',
    `${noSuchMigration}; also without --yes where nobody can be asked`,
  ],
  options: [['--yes', 'do not ask'], ...runOptions, jsonOption],
  async run(system, options, name = '') {
    await statusOfOne(system, name); // before the question
    if (!options.yes && !(await confirmed(system, name))) {
      system.io.err.write('nothing was done\n');
      return 1;
    }
    return act(system, 'restore', name, options, (result) => {
      const left = leftOf(result[name]);
      if (left > 0) {
        system.io.err.write(`${grouped(left)} rows were left as they are: they have been changed since\n`);
      }
      return 0;
    });
  },
};

/** Rows that were not put back. */
function leftOf(answer: ResultMap[string] | undefined): number {
  return typeof answer === 'object' && 'left' in answer ? answer.left : 0;
}

async function confirmed({ io }: System, name: string): Promise<boolean> {
  if (!io.in.isTTY) {
    throw new Misuse(`restoring ${name} has to be confirmed, and nobody can be asked: add --yes`);
  }
  const terminal = createInterface({ input: io.in, output: io.err.terminal });
  const answer = await terminal.question(
    `Put back the rows that ${visible(name)} changed, unless they have been changed since? [y/N] `,
  );
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
