import { InvalidArgumentError } from 'commander';
import type { AuthorCommand } from './command/command.ts';
import { requirePackages } from './local/packages.ts';
import type { SessionOptions } from './local/session.ts';
import { loadProject } from './project.ts';

export const local: AuthorCommand<SessionOptions & { readonly run?: boolean }> = {
  usage: 'local',
  about:
    'bring up the whole stack on this machine and keep it up until Ctrl-C, for the commands with --local',
  exits: ['stopped, or all has run', 'it could not start, or a run failed', 'misuse'],
  options: [
    ['--run', 'instead run all migrations once, wait for their follow-up jobs, and print the result map'],
    ['--fresh', 'make the data anew, and begin with an empty ledger'],
    ['--sfn-port <port>', 'port of the Step Functions endpoint; any free one by default', port],
    ['--rds-data-port <port>', 'port of the RDS Data API endpoint; any free one by default', port],
    ['--page-port <port>', 'port of the progress page; any free one by default', port],
  ],
  async run(io, { run, ...options }) {
    const project = await loadProject();
    requirePackages(io.env);
    if (run) {
      const { runOnce } = await import('./local/run-once.ts');
      return runOnce(io, project, options);
    }
    const { serve } = await import('./local/serve.ts');
    return serve(io, project, options);
  },
};

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 65_535) {
    return value;
  }
  throw new InvalidArgumentError('It must be a whole number from 1 to 65535.');
}
