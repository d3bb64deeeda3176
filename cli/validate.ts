import type { ResultMap } from '../functions/contract.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { act } from './system/act.ts';
import { type RunOptions, runOptions } from './system/input.ts';

export const validate: OperatorCommand<RunOptions> = {
  usage: 'validate <migration>',
  about: 'check now whether the validations of a migration hold; nothing is changed',
  exits: [
    'they hold: what was found is on stdout',
    'they do not (what was found is on stdout), or the run failed',
    noSuchMigration,
  ],
  options: [...runOptions, jsonOption],
  run: (system, options, name = '') =>
    act(system, 'validate', name, options, (result) => {
      const broken = brokenOf(result[name]);
      if (broken.length > 0) {
        system.io.err.write(`does not hold: ${broken.join(', ')}\n`);
      }
      return broken.length > 0 ? 1 : 0;
    }),
};

/** The validations that some row fails. */
function brokenOf(answer: ResultMap[string] | undefined): readonly string[] {
  if (answer === undefined || typeof answer === 'string' || !('validations' in answer)) {
    return [];
  }
  return (answer.validations ?? []).flatMap(({ name, passed }) => (passed ? [] : [name]));
}
