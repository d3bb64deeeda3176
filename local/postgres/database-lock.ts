import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Keeps other local runtimes away from a database, until it is released or its process ends. */
export interface DatabaseLock {
  release(): Promise<void>;
}

/** What @types/pg does not yet know of a client: whether its connection keeps the process alive. */
interface Refable {
  ref(): void;
  unref(): void;
}

/** The two halves of an advisory lock's key: an arbitrary number, the same in every version of this project. */
const lockKey = [0x5d17, 0xda7a] as const;

const namePrefix = 'serverless-data-migrations local, pid ';

/**
 * The server needs a moment to see that a killed owner's connection is gone: five tries, 200 ms apart, wait a second.
 */
const tries = 5;
const betweenTriesMs = 200;

/**
 * Makes this process the only local runtime on a database, embedded or the user's own. The lock is an advisory lock
 * of a session on a connection of its own, so it ends with the process, however that dies, and no file has to be
 * cleaned up.
 *
 * @throws an error that names the process that has the lock.
 */
export async function lockDatabase(connection: pg.ClientConfig): Promise<DatabaseLock> {
  const client = new pg.Client({
    ...connection,
    application_name: `${namePrefix}${process.pid}`,
  }) as pg.Client & Refable;
  // When this connection breaks, the lock is lost. Whoever works on the database sees the same break and reports it.
  client.on('error', () => {});
  await client.connect();
  try {
    await takeLock(client);
  } catch (error) {
    await client.end();
    throw error;
  }
  client.unref(); // holding the lock is no reason for the process to stay
  return {
    async release() {
      client.ref();
      await client.end();
    },
  };
}

async function takeLock(client: pg.Client): Promise<void> {
  for (let i = 0; i < tries; i++) {
    const { rows } = await client.query<{ granted: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS granted',
      [...lockKey],
    );
    if (rows[0]?.granted) {
      return;
    }
    await sleep(betweenTriesMs);
  }
  const holder = await holderOfLock(client);
  throw new Error(
    `the database is in use by another local runtime (${holder}): stop that one first, or use another database or folder`,
  );
}

async function holderOfLock(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ application_name: string }>(
    // objsubid is 2 for a lock whose key was given as two halves.
    `SELECT a.application_name
       FROM pg_locks l
       JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND l.objsubid = 2`,
    [...lockKey],
  );
  const name = rows[0]?.application_name ?? 'gone by now';
  return name.startsWith(namePrefix) ? `process ${name.slice(namePrefix.length)}` : name;
}
