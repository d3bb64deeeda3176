import { Command, InvalidArgumentError } from 'commander';
import { type Io, ioOf } from './command/io.ts';

// The SDK warns on stderr that its versions from 2027 on want Node 22; the Lambdas have that already.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const io = ioOf(process);

const program = new Command('npm run')
  .description('Data migrations that ship with a release and run serverless, on this machine')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .showHelpAfterError();

const freshOption = ['--fresh', 'start from new demo data and an empty ledger', false] as const;

program
  .command('start', { isDefault: true })
  .description('bring everything up, run all migrations, wait for the rebuild, print the result map')
  .option(...freshOption)
  .action(run(async () => (await import('./npm-start.ts')).npmStart));

program
  .command('local')
  .description('keep the endpoints and the database up until Ctrl-C')
  .option('--sfn-port <port>', 'port of the Step Functions endpoint; any free one by default', port)
  .option('--rds-data-port <port>', 'port of the RDS Data API endpoint; any free one by default', port)
  .option('--page-port <port>', 'port of the progress page; any free one by default', port)
  .option(...freshOption)
  .action(run(async () => (await import('./local.ts')).local));

program
  .command('docs')
  .description('write the generated documents, or with --check say whether they are up to date')
  .option('--check', 'change nothing; exit 1 if something would change', false)
  .action(run(async () => (await import('./docs.ts')).docs));

await program.parseAsync();

/**
 * Loads a command, which takes a second or two with all that it needs, runs it and ends the process with its exit code: 0 done,
 * 1 failed, 2 misuse.
 */
function run<Options>(load: () => Promise<(io: Io, options: Options) => Promise<number>>) {
  return async (options: Options): Promise<void> => {
    try {
      const command = await load();
      process.exitCode = await command(io, options);
    } catch (error) {
      io.err.write(`${error instanceof Error ? error.message : error}\n`);
      process.exitCode = 1;
    }
  };
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 65_535) {
    return value;
  }
  throw new InvalidArgumentError('It must be a whole number from 1 to 65535.');
}
