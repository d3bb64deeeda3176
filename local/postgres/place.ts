import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Where a cluster's files are, and the account that its processes run as. */
export interface Place {
  readonly folder: string;
  readonly log: string;
  /** Outside `folder`: the path of a socket must fit in 103 bytes (macOS; 107 on Linux), a checkout's need not. */
  readonly socketFolder: string;
  /** Only when we are root, whom PostgreSQL refuses: somebody without rights, instead of us. */
  readonly account?: Account;
}

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const project = 'serverless-data-migrations';

/**
 * Finds a place for the wanted folder. For an ordinary user that is the folder itself. As root it is one in /var/tmp,
 * because the account may not be able to enter the wanted one (a checkout in /root).
 */
export async function preparePlace(wanted: string): Promise<Place> {
  const path = resolve(wanted);
  const hash = createHash('sha256').update(`${process.getuid?.()} ${path}`).digest('hex').slice(0, 16);
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
  const folder = account ? `/var/tmp/${project}-${hash}` : path;
  // /tmp and not os.tmpdir(): short everywhere, and the same for every process of this user.
  const socketFolder = `/tmp/${project}-${hash}`;

  if (account) {
    await ownFolder(folder, 0o711);
  } else {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await ownFolder(socketFolder, 0o700, account);
  return { folder, log: join(folder, 'postgres.log'), socketFolder, ...(account && { account }) };
}

/** Creates a folder that belongs to the account. */
export async function createFolderFor(account: Account | undefined, folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (account) {
    await chown(folder, account.uid, account.gid);
  }
}

/** In a folder where everybody may write, a name that we expect could have been taken by somebody else. */
async function ownFolder(folder: string, mode: number, account?: Account): Promise<void> {
  try {
    await createFolderFor(account, folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
  }
  const found = await lstat(folder);
  const owner = account?.uid ?? process.getuid?.();
  if (!found.isDirectory() || (found.uid !== owner && found.uid !== process.getuid?.())) {
    throw new Error(`${folder} belongs to user ${found.uid}, not to us: remove it and start again`);
  }
  if (account) {
    await chown(folder, account.uid, account.gid);
  }
  await chmod(folder, mode);
}

function unprivilegedAccount(): Account {
  for (const name of ['nobody', 'daemon']) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      // No such account on this system: the next one.
    }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no account "nobody" or "daemon" to run it as: ' +
      'start as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours',
  );
}

function idOf(flag: '-u' | '-g', name: string): number {
  const printed = execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(printed) >>> 0; // macOS has a nobody of -2, which chown(2) calls 4294967294.
}
