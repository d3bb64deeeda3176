import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { act } from './system/act.ts';
import { type RunOptions, runOptions } from './system/input.ts';

export const retry: OperatorCommand<RunOptions> = {
  usage: 'retry <migration>',
  about: 'take the rows again that could not be migrated, now that they have been corrected',
  exits: [
    'done: what came of it is on stdout',
    'the run failed: error and cause are on stderr',
    noSuchMigration,
  ],
  options: [...runOptions, jsonOption],
  run: (system, options, name = '') => act(system, 'retry', name, options),
};
