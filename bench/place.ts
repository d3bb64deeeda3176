import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres } from '../local/postgres.ts';
import { type Runtime, startRuntime } from '../local/runtime.ts';
import { migrations } from './migrations.ts';
import { slowWay } from './slow-way.ts';
import { makeDocuments, makePeople } from './tables.ts';

/** How much longer a call is under way where the Data API is far, in ms. */
export const far = 30;

// As many as `startPostgres` allows.
const logMegabytes = 4_096;

/** Where everything is measured: a PostgreSQL of its own, and the whole chain above it, near and far. */
export interface Place {
  readonly connection: pg.ClientConfig;
  readonly client: pg.Client;
  /** Another one, for what is measured against two. */
  readonly second: pg.Client;
  readonly near: Runtime;
  /** The same, with a Data API to which each call takes `far` ms longer. */
  readonly far: Runtime;
  /** The longest that a batch held locks since this was asked the last time, in seconds; NaN if none has told. */
  readonly longestLock: () => Promise<number>;
  /** Empties the tables of the migrations, and the ledger. */
  readonly empty: () => Promise<void>;
  /** Stops and deletes all of it. */
  readonly close: () => Promise<void>;
}

/** Starts all of it. */
export async function openPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const postgres = await startPostgres({ folder });
  const { connection } = postgres;
  const [client, second] = [new pg.Client(connection), new pg.Client(connection)];
  await client.connect();
  await second.connect();
  await fillLog(client);
  let locks: number[] = [];
  const start = (name: string, environment: Record<string, string> = {}) =>
    startRuntime({
      connection,
      outdir: join(folder, name),
      application: {
        migrations,
        handler: fileURLToPath(new URL('handler.ts', import.meta.url)),
        followUps: () => ({}),
      },
      environment,
      log: (line) => {
        const [, seconds] = /"LockSeconds":\{[^}]*"longest":([\d.e-]+)/.exec(line) ?? [];
        if (seconds !== undefined) {
          locks.push(Number(seconds));
        }
      },
    });
  const near = await start('near');
  const way = await slowWay(() => farRuntime.rdsData.url, far);
  const farRuntime: Runtime = await start('far', { AWS_ENDPOINT_URL_RDS_DATA: way.url });
  return {
    connection,
    client,
    second,
    near,
    far: farRuntime,
    async longestLock() {
      await sleep(200); // what a function writes may arrive a moment after its answer
      const longest = locks.length > 0 ? Math.max(...locks) : Number.NaN;
      locks = [];
      return longest;
    },
    empty: () => empty(client),
    async close() {
      await near.close();
      await farRuntime.close();
      way.close();
      await client.end();
      await second.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
      await rm(postgres.folder, { recursive: true, force: true });
    },
  };
}

/**
 * Makes the files of the write-ahead log before anything is measured. A database that has been in use writes over old ones; a new one makes each when
 * it is needed, and commits wait for that: of what is measured one after another, the first would pay for all.
 */
async function fillLog(client: pg.Client): Promise<void> {
  await client.query(`ALTER SYSTEM SET min_wal_size = '${logMegabytes}MB'`); // what a checkpoint leaves to be written over
  await client.query('SELECT pg_reload_conf()');
  // As long as a replica might want them, none is written over.
  await client.query(`SELECT pg_create_physical_replication_slot('fill_log', true)`);
  await client.query(
    `SELECT count(pg_logical_emit_message(false, 'fill_log', repeat('x', 1000000))) FROM generate_series(1, ${logMegabytes})`,
  );
  await client.query(`SELECT pg_drop_replication_slot('fill_log')`);
  await client.query('CHECKPOINT');
}

async function empty(client: pg.Client): Promise<void> {
  await makePeople(client, 'bench_people', 0);
  await makeDocuments(client, 'bench_documents', 0);
  const { rows: found } = await client.query(`SELECT to_regclass('data_migrations.migrations') AS ledger`);
  if (found[0].ledger !== null) {
    await client.query('TRUNCATE data_migrations.migrations, data_migrations.runs CASCADE');
  }
}
