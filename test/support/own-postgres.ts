import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Postgres, startPostgres } from '../../local/postgres.ts';

/** A PostgreSQL that one test has for itself, and may crash. */
export interface OwnPostgres extends Pick<Postgres, 'connection' | 'url'> {
  /** Crashes it: nothing is written any more, and the next start recovers. */
  crash(): Promise<void>;
  /** Starts it again after a crash, at the same address. */
  restart(): Promise<void>;
  /** Stops it, and removes its files. */
  close(): Promise<void>;
}

/** Starts a PostgreSQL that writes as a real one does: what is to survive a crash goes to the disk. */
export async function ownPostgres(name: string): Promise<OwnPostgres> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  let postgres = await startPostgres({ folder });
  const { connection, url, folder: data } = postgres;
  return {
    connection,
    url,
    async crash() {
      await quit(data);
      await postgres.stop();
    },
    async restart() {
      postgres = await startPostgres({ folder });
    },
    async close() {
      await postgres.stop();
      for (const made of [folder, data, connection.host]) {
        await rm(made, { recursive: true, force: true });
      }
    },
  };
}

/** What SIGQUIT does to PostgreSQL is a crash. */
async function quit(folder: string): Promise<void> {
  const [pid] = (await readFile(join(folder, 'data-17', 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  for (;;) {
    try {
      process.kill(Number(pid), 0);
      await sleep(20);
    } catch {
      return;
    }
  }
}
