import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { publicSurface } from './public-surface.ts';

const { check } = new Command('npm run surface --')
  .description('write what the package exports to docs/api, or with --check say whether that is up to date')
  .option('--check', 'change nothing; exit 1 if something would change', false)
  .parse()
  .opts<{ readonly check: boolean }>();

const problems = await publicSurface(fileURLToPath(new URL('../../', import.meta.url)), { check });
for (const problem of problems) {
  process.stderr.write(`${problem}\n`);
}
process.exitCode = problems.length === 0 ? 0 : 1;
