import { execFile } from 'node:child_process';
import { cp, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const checkout = fileURLToPath(new URL('../../', import.meta.url));
/** What a package is made of. */
const sources = [
  'functions',
  'infra',
  'local',
  'cli',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const beside = ['cdk.json', 'README.md', 'CHANGELOG.md'];

let tarball: Promise<string> | undefined;

/** The path of what `npm pack` makes of this checkout: once in a process, and in a copy, so that nobody else's `dist` is in the way. */
export function packed(): Promise<string> {
  tarball ??= pack();
  return tarball;
}

async function pack(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'packed-'));
  for (const name of [...sources, ...beside]) {
    await cp(join(checkout, name), join(copy, name), { recursive: true });
  }
  await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  const { stdout } = await promisify(execFile)('npm', ['pack', '--silent'], { cwd: copy });
  return join(copy, stdout.trim());
}
