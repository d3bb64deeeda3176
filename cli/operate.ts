import { Command, CommanderError } from 'commander';
import type { Migration } from '../functions/engine/define/migration.ts';
import { inFull } from '../functions/engine/errors.ts';
import { machineNameIn } from '../infra/deployment.ts';
import { cleanup } from './cleanup.ts';
import type { AuthorCommand, CommandText, OperatorCommand } from './command/command.ts';
import type { Io } from './command/io.ts';
import { Misuse } from './command/misuse.ts';
import { errors } from './errors.ts';
import { finished } from './finished.ts';
import { history } from './history.ts';
import { init } from './init.ts';
import { list } from './list.ts';
import { local } from './local.ts';
import { newMigration } from './new.ts';
import { node } from './node.ts';
import { pause } from './pause.ts';
import { plan } from './plan.ts';
import { progress } from './progress.ts';
import { restore } from './restore.ts';
import { resume } from './resume.ts';
import { retry } from './retry.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';
import { findSystem, type WhereOptions } from './system/system.ts';
import { tune } from './tune.ts';
import { validate } from './validate.ts';
import { verify } from './verify.ts';
import { watch } from './watch.ts';

/** The operators' commands, in the order in which `--help` lists them. */
const commands: readonly OperatorCommand<never>[] = [
  list,
  plan,
  start,
  watch,
  progress,
  finished,
  errors,
  retry,
  validate,
  verify,
  restore,
  cleanup,
  stop,
  resume,
  pause,
  tune,
  history,
  node,
];

/** The authors' commands, in the order in which `--help` lists them. */
const authors: readonly AuthorCommand<never>[] = [init, newMigration, local];

/** The flags of each command, by its name. */
export const commandFlags: ReadonlyMap<string, readonly string[]> = new Map(
  [...commands, ...authors].map(({ usage, options = [] }) => [
    usage.split(' ')[0] as string,
    options.flatMap(([flags]) => /--[\w-]+/.exec(flags) ?? []),
  ]),
);

/** What the exit codes 0, 1 and 2 of each command say, by its usage. */
export const commandExits: ReadonlyMap<string, OperatorCommand['exits']> = new Map(
  [...commands, ...authors].map(({ usage, exits }) => [usage, exits]),
);

interface Where extends Omit<WhereOptions, 'machine'> {
  readonly stage?: string;
  readonly machine?: string;
}

/**
 * `npx migrations …`: runs one command and answers with its exit code.
 *
 * @param load Loads the registered migrations, for a command that asks for them.
 */
export async function operate(
  io: Io,
  args: readonly string[],
  load: () => Promise<readonly Migration[]>,
): Promise<number> {
  let code = 0;
  const program = new Command('migrations')
    .description('Runs and watches the data migrations of a deployed system, in AWS or on this machine')
    .option('--local', 'talk to a running `npx migrations local` instead of AWS')
    .option('--stage <stage>', 'the stage that it was deployed as, which is in the name of the state machine')
    .option(
      '--machine <name>',
      `the state machine that runs the migrations (default: "${machineNameIn(undefined)}")`,
    )
    .option('--region <region>', 'AWS region; as the AWS SDK finds it by default')
    .option('--profile <profile>', 'AWS profile; as the AWS SDK finds it by default')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
    })
    .exitOverride()
    .showHelpAfterError('--help says what it takes');
  for (const command of commands) {
    add(program, command, async (options, given) => {
      const { stage, machine = machineNameIn(stage), ...where } = program.opts<Where>();
      const system = await findSystem(io, { ...where, machine }, await load());
      try {
        code = await command.run(system, options as never, ...given);
      } finally {
        system.close();
      }
    });
  }
  for (const command of authors) {
    add(program, command, async (options, given) => {
      code = await command.run(io, options as never, ...given);
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said what it had to say.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : 2;
    }
    io.err.write(`${inFull(error)}\n`);
    return error instanceof Misuse ? 2 : 1;
  }
}

function add(
  program: Command,
  { usage, about, exits, options = [] }: CommandText,
  run: (options: object, given: string[]) => Promise<void>,
): void {
  const command = program.command(usage).description(about);
  for (const [flags, text, read] of options) {
    if (read === undefined) {
      command.option(flags, text);
    } else {
      command.option(flags, text, read);
    }
  }
  command.addHelpText(
    'after',
    `\nExit codes:\n${exits.map((meaning, code) => `  ${code}  ${meaning}`).join('\n')}`,
  );
  command.action((...all: unknown[]) =>
    run(command.opts(), all.slice(0, -2).filter((each) => each !== undefined) as string[]),
  );
}
