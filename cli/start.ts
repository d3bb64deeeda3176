import { executionName } from '../functions/engine/ledger/execution-names.ts';
import { jsonOption, type OperatorCommand } from './command/command.ts';
import { Misuse } from './command/misuse.ts';
import { describeSoon, leftToBackground } from './system/executions.ts';
import { inputOf, type RunOptions, runOptions } from './system/input.ts';
import { type Asked, startNamed, start as startOne } from './system/start.ts';
import { statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';
import { printEnd, waitFor } from './system/wait.ts';

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
    'started; with --wait, or found under its name: succeeded, with the result map on stdout',
    'not started; with --wait: failed or stopped, with error and cause on stderr',
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
    if (options.waitFor !== undefined && options.waitFor !== 'all') {
      await statusOfOne(system, options.waitFor);
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
      return printEnd(system, asked.execution);
    }
    err.write(
      asked.did === 'started' ? `started ${asked.arn}\n` : `${asked.arn} is under way already: joined\n`,
    );
    if (options.waitFor !== undefined) {
      return waitForBackground(system, asked.arn, options.waitFor);
    }
    return options.wait ? waitFor(system, asked.arn) : printStarted(system, asked.arn, options.json);
  },
};

/** Waits for a run, and then for what it has left to the background: one migration, or all. */
async function waitForBackground(system: System, arn: string, which: string): Promise<number> {
  const code = await waitFor(system, arn);
  if (code !== 0) {
    return code;
  }
  for (const [name, execution] of leftToBackground(await describeSoon(system, arn))) {
    if (which !== 'all' && which !== name) {
      continue;
    }
    system.io.err.write(`waiting for ${name}: ${execution}\n`);
    const ended = await waitFor(system, execution);
    if (ended !== 0) {
      return ended;
    }
  }
  return 0;
}

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
