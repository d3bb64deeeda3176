import { executionName } from '../functions/engine/ledger/execution-names.ts';
import { jsonOption, type OperatorCommand } from './command/command.ts';
import { Misuse } from './command/misuse.ts';
import { describeSoon } from './system/executions.ts';
import { inputOf, type RunOptions, runOptions } from './system/input.ts';
import { type Asked, startNamed, start as startOne } from './system/start.ts';
import { statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';
import { printEnd, waitFor } from './system/wait.ts';
import { waitForBackground } from './system/wait-for-background.ts';

interface StartOptions extends RunOptions {
  readonly wait?: boolean;
  readonly name?: string;
  readonly waitFor?: string;
  readonly only?: string;
  readonly thorough?: boolean;
  readonly json?: boolean;
}

export const start: OperatorCommand<StartOptions> = {
  usage: 'start',
  about: 'start a run of all pending migrations, or join the one of the same name',
  exits: [
    'started; with --wait, or found under its name: succeeded, with the result map on stdout; with --wait-for: that is finished, too',
    'not started; with --wait: failed or stopped, with error and cause on stderr; with --wait-for: that failed, was stopped, or is paused, too',
    'misuse, or no such migration',
  ],
  options: [
    ['--wait', 'show the progress, and end as the run ends; what it leaves to the background goes on'],
    ['--wait-for <migration>', 'wait for this migration in the background, too, or for "all" of them'],
    ['--name <name>', 'do it once under the name of a release: v1.42.0 is called v1-42-0', executionNameFrom],
    ['--only <migration>', 'take this migration and no other'],
    ['--thorough', 'with --only: look at every row of its table again, though it is finished'],
    ...runOptions,
    jsonOption,
  ],
  async run(system, options) {
    const { waitFor: waitsFor } = options;
    if (waitsFor !== undefined && waitsFor !== 'all') {
      await statusOfOne(system, waitsFor);
    }
    if (options.only !== undefined) {
      await statusOfOne(system, options.only);
    }
    if (options.thorough && options.only === undefined) {
      throw new Misuse('--thorough takes one migration: --only <migration>');
    }
    const { only, thorough } = options;
    const input = inputOf(options, { ...(only && { only }), ...(thorough && { thorough }) });
    const asked: Asked =
      options.name === undefined
        ? { did: 'started', arn: await startOne(system, input) }
        : await startNamed(system, input, options.name);
    const { err } = system.io;
    if (asked.did === 'found') {
      err.write(`${executionName(asked.arn)} has succeeded already; nothing was started\n`);
      const code = printEnd(system, asked.execution);
      return waitsFor === undefined ? code : waitForBackground(system, asked.execution, waitsFor);
    }
    err.write(
      asked.did === 'started' ? `started ${asked.arn}\n` : `${asked.arn} is under way already: joined\n`,
    );
    if (waitsFor === undefined && !options.wait) {
      return printStarted(system, asked.arn, options.json);
    }
    const code = await waitFor(system, asked.arn);
    if (code !== 0 || waitsFor === undefined) {
      return code;
    }
    return waitForBackground(system, await describeSoon(system, asked.arn), waitsFor);
  },
};

/** Prints the run that was started, for a script to go on with. */
export function printStarted({ io, command }: System, arn: string, json = false): number {
  io.out.write(json ? `${JSON.stringify({ execution_arn: arn })}\n` : `${arn}\n`);
  io.err.write(`${command('watch')} shows its progress\n`);
  return 0;
}

/**
 * The name of an execution, from a release's. Logs of executions take letters, digits, `-` and `_`; every other character becomes a `-`.
 * Step Functions takes 80 characters, of which `-99` may need three.
 */
function executionNameFrom(text: string): string {
  const name = text.replaceAll(/[^0-9A-Za-z_-]/g, '-');
  if (name.length <= 77 && /[0-9A-Za-z]/.test(name)) {
    return name;
  }
  throw new Misuse(
    `--name takes up to 77 characters, of which letters, digits, - and _ stay as they are, not ${JSON.stringify(text)}`,
  );
}
