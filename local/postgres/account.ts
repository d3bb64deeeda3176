import { execFileSync } from 'node:child_process';
import { chown, mkdir } from 'node:fs/promises';

/** A user of the operating system. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account that runs PostgreSQL's programs when we are root, because PostgreSQL refuses to run as root: one
 * without any rights. Undefined when we are an ordinary user, who then runs them.
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  for (const name of ['nobody', 'daemon']) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      // This system has no such account: try the next one.
    }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no account "nobody" or "daemon" to run it as: ' +
      'start as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours',
  );
}

/** Creates a folder that only the account can enter; without an account that is us. */
export async function createFolderFor(account: Account | undefined, folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (account) {
    await chown(folder, account.uid, account.gid);
  }
}

function idOf(flag: '-u' | '-g', name: string): number {
  const printed = execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(printed) >>> 0; // macOS prints -2 for nobody, which chown(2) calls 4294967294
}
