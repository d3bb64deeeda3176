import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Held for as long as its process lives, or until it is released. */
export interface Claim {
  release(): Promise<void>;
}

/** What @types/pg does not know of a client yet: whether it keeps the process alive. */
interface Refable {
  ref(): void;
  unref(): void;
}

/** Two halves of one advisory lock key: an arbitrary number, the same in every version of this project. */
const lock = [0x5d17, 0xda7a] as const;
const holderPrefix = 'serverless-data-migrations local, pid ';

/**
 * Makes this process the one local runtime on a database, embedded or the user's own. The claim is a session's advisory
 * lock on a connection of its own, so it ends with the process, however that dies; no file has to be cleaned up.
 */
export async function claimDatabase(connection: pg.ClientConfig): Promise<Claim> {
  const options = { ...connection, application_name: `${holderPrefix}${process.pid}` };
  const client = new pg.Client(options) as pg.Client & Refable;
  // A connection that breaks gives the claim up. What works on the database will see the same break and say so.
  client.on('error', () => {});
  await client.connect();
  try {
    await lockOrExplain(client);
  } catch (error) {
    await client.end();
    throw error;
  }
  client.unref(); // holding it is no reason for the process to stay
  return {
    async release() {
      client.ref();
      await client.end();
    },
  };
}

async function lockOrExplain(client: pg.Client): Promise<void> {
  // The server takes a moment to see that a killed owner's connection is gone: look five times within a second.
  for (let look = 1; look <= 5; look++) {
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1, $2) AS granted', [...lock]);
    if (rows[0].granted) {
      return;
    }
    await sleep(200);
  }
  const holder = await holderOf(client);
  throw new Error(
    `the database is in use by another local runtime (${holder}): stop that one first, or use another database or folder`,
  );
}

async function holderOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ application_name: string }>(
    `SELECT a.application_name
       FROM pg_locks l
       JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND l.objsubid = 2`,
    [...lock],
  );
  const name = rows[0]?.application_name ?? 'gone by now';
  return name.startsWith(holderPrefix) ? `process ${name.slice(holderPrefix.length)}` : name;
}
