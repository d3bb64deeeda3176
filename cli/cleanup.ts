import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { act } from './system/act.ts';
import { type RunOptions, runOptions } from './system/input.ts';

export const cleanup: OperatorCommand<RunOptions & { readonly finishFirst?: boolean }> = {
  usage: 'cleanup <migration>',
  about: 'drop what a finished migration has left behind: marker, index, undo journal, row errors',
  exits: [
    'done: what was dropped is on stdout',
    'it is not finished (what is left is said), or the run failed',
    noSuchMigration,
  ],
  options: [['--finish-first', 'run what is left of it first'], ...runOptions, jsonOption],
  async run(system, options, name = '') {
    if (options.finishFirst) {
      // What this run says of it is talk: the data is what was dropped.
      const talking = { ...system, io: { ...system.io, out: system.io.err } };
      const code = await act(talking, 'only', name, options);
      if (code !== 0) {
        return code;
      }
    }
    return act(system, 'cleanup', name, options);
  },
};
