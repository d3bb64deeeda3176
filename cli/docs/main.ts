import { Command } from 'commander';
import { ioOf } from '../command/io.ts';
import { docs } from '../docs.ts';

const { check } = new Command('npm run docs --')
  .description('write the generated documents, or with --check say whether they are up to date')
  .option('--check', 'change nothing; exit 1 if something would change', false)
  .parse()
  .opts<{ readonly check: boolean }>();

process.exitCode = await docs(ioOf(process), { check });
