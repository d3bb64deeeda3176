import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorCode } from '../error-code.ts';
import { type Account, createFolderFor, serverAccount } from './account.ts';

/** Where the files of one PostgreSQL are, and who owns them. */
export interface Folders {
  /** For data, log and programs. */
  readonly root: string;
  /** The server's log file. */
  readonly log: string;
  /**
   * The folder of the socket. It lies outside `root`, because a socket's path may have at most 103 bytes (macOS; 107
   * on Linux) and a checkout's path can be longer.
   */
  readonly socket: string;
  /** Runs the server and owns its files, where that is not us: see `serverAccount`. */
  readonly account?: Account;
}

const project = 'serverless-data-migrations';

/**
 * Makes the folders for a PostgreSQL. For an ordinary user `root` is the wanted folder. For root it is one in
 * /var/tmp, because the server's account may not be able to enter the wanted one (a checkout in /root).
 *
 * @param wanted Path of the folder, made when missing.
 * @throws when another user owns one of the folders.
 */
export async function prepareFolders(wanted: string): Promise<Folders> {
  const path = resolve(wanted);
  const account = serverAccount();
  const hash = createHash('sha256').update(`${process.getuid?.()} ${path}`).digest('hex').slice(0, 16);
  const root = account ? `/var/tmp/${project}-${hash}` : path;
  // In /tmp, not in os.tmpdir(): /tmp is short everywhere, and the same for every process of this user.
  const socket = `/tmp/${project}-${hash}`;

  if (account) {
    await makeOwnFolder(root, 0o711); // the account may pass through; root owns it
  } else {
    await mkdir(root, { recursive: true, mode: 0o700 });
  }
  await makeOwnFolder(socket, 0o700, account);
  return { root, log: join(root, 'postgres.log'), socket, ...(account && { account }) };
}

/**
 * Makes a folder where everybody may make folders, such as /tmp, and lets only its owner change it. Somebody else
 * could have taken the name before, which is an error.
 */
async function makeOwnFolder(folder: string, mode: number, account?: Account): Promise<void> {
  try {
    await createFolderFor(account, folder);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') {
      throw error;
    }
  }
  const found = await lstat(folder);
  const ourUid = process.getuid?.();
  const owners = [ourUid, account?.uid ?? ourUid];
  if (!found.isDirectory() || !owners.includes(found.uid)) {
    throw new Error(`${folder} belongs to user ${found.uid}, not to us: remove it and start again`);
  }
  if (account) {
    await chown(folder, account.uid, account.gid);
  }
  await chmod(folder, mode);
}
