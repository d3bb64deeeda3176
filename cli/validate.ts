import { jsonOption, noSuchMigration, type OperatorCommand } from './command.ts';
import { act } from './system/act.ts';
import { type RunOptions, runOptions } from './system/input.ts';

export const validate: OperatorCommand<RunOptions> = {
  usage: 'validate <migration>',
  about: 'check now whether the validations of a migration hold',
  exits: [
    'they hold: what was found is on stdout',
    'the run failed: error and cause are on stderr',
    noSuchMigration,
  ],
  options: [...runOptions, jsonOption],
  run: (system, options, name = '') => act(system, 'validate', name, options),
};
