import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunInput, Slice } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { lambdaClock } from '../../../functions/engine/clock.ts';
import type { Database } from '../../../functions/engine/database/data-api.ts';
import { render, type Sql, sql } from '../../../functions/engine/database/sql.ts';
import { describeTable, type Table } from '../../../functions/engine/database/table.ts';
import type { Checkpoint } from '../../../functions/engine/ledger/checkpoint.ts';
import { pressure, pressureLimits } from '../../../functions/engine/schedule/load-signals.ts';
import { scheduleOf } from '../../../functions/engine/schedule/schedule.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;
let table: Table;
let parts: Table;
const open: Session[] = [];

type Session = pg.PoolClient & { readonly processID: number };

const needs = (name: string) => ({ name: 'x', table: name, key: ['id'], columns: [] });
const migration = backfill({
  name: 'add-one',
  table: 'rows',
  key: 'id',
  immutableKey: true,
  set: { changed: sql`changed + 1` },
});

beforeAll(async () => {
  engine = await startEngine();
  const { query, name } = engine.database;
  await query(`
    CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0) WITH (autovacuum_enabled = off);
    INSERT INTO rows SELECT n FROM generate_series(1, 10000) AS n;
    CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10001);
    INSERT INTO parts SELECT n FROM generate_series(1, 10000) AS n`);
  // A cluster here has neither replicas nor, within seconds, an autovacuum: these views stand before the catalog's.
  await query(`
    CREATE SCHEMA seen;
    CREATE TABLE seen.pg_stat_replication (application_name text, replay_lag interval);
    CREATE TABLE seen.autovacuum (pid integer);
    CREATE VIEW seen.pg_stat_activity AS
      SELECT a.*, CASE WHEN pid IN (SELECT pid FROM seen.autovacuum) THEN 'autovacuum worker' ELSE backend_type END AS type
      FROM pg_catalog.pg_stat_activity a;
    ALTER VIEW seen.pg_stat_activity RENAME backend_type TO real_type;
    ALTER VIEW seen.pg_stat_activity RENAME type TO backend_type`);
  await query(`ALTER DATABASE "${name}" SET search_path = seen, pg_catalog, public`);
  table = await describeTable(engine.dataApi(), needs('rows'));
  parts = await describeTable(engine.dataApi(), needs('parts'));
});
afterAll(() => engine.stop());
afterEach(async () => {
  for (const { processID } of open) {
    await engine.database.query('SELECT pg_terminate_backend($1)', [processID]);
  }
  for (const client of open.splice(0)) {
    client.release(true);
  }
  await engine.database.query('DELETE FROM seen.pg_stat_replication; DELETE FROM seen.autovacuum');
});

const look = (limits = {}, of = table) => pressure(engine.dataApi(), of, { ...pressureLimits, ...limits });
const asked = async (limits = {}, of = table) => (await look(limits, of)).reason;

/** A session of the application, ended after the test whatever it does. */
async function session(): Promise<Session> {
  const client = (await engine.database.pool.connect()) as Session;
  client.on('error', () => {});
  open.push(client);
  return client;
}

/** A VACUUM that reads a page a second, so that it is at work for as long as the test. */
async function slowVacuum(of = 'rows'): Promise<{ readonly pid: number; readonly end: () => Promise<void> }> {
  const client = await session();
  await client.query(
    'SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; SET vacuum_buffer_usage_limit = 0',
  );
  const ended = client.query(`VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) ${of}`).catch(() => {});
  const end = async () => {
    await engine.database.query('SELECT pg_cancel_backend($1)', [client.processID]);
    await ended;
  };
  await expect
    .poll(() =>
      engine.database.query('SELECT FROM pg_stat_progress_vacuum WHERE pid = $1', [client.processID]),
    )
    .toHaveLength(1);
  return { pid: client.processID, end };
}

/** An execution that has got as far as its batches. */
async function running(input: RunInput): Promise<() => Promise<Slice>> {
  await engine.reset();
  const process = engine.process([migration]);
  const run = caller('run');
  await process.invoke({ operation: 'open', run, input });
  await process.invoke({ operation: 'pending', run, migration: migration.name });
  return () => process.invoke({ operation: 'batches', run, migration: migration.name }) as Promise<Slice>;
}

describe('The database is under pressure', () => {
  it('not while nobody is in the way, though we are connected ourselves', async () => {
    expect(await asked()).toBeUndefined();
    expect(await asked({ lockWait: 0, replicaLag: 0, transaction: 0 })).toBeUndefined();
    expect(await asked({}, parts)).toBeUndefined();
  });

  it('when a transaction that holds back vacuum has been open for long', async () => {
    const client = await session();
    await client.query('BEGIN');
    await client.query('SELECT 1'); // its snapshot is gone with the statement
    expect(await asked({ transaction: 0 })).toBeUndefined();
    await client.query('SELECT pg_current_xact_id()');
    expect(await asked({ transaction: 0 })).toMatch(
      new RegExp(
        `^process ${client.processID} has had a transaction open for 0[.\\d]* seconds, which holds back vacuum$`,
      ),
    );
    expect(await asked()).toBeUndefined(); // ten minutes
    await client.query('ROLLBACK');
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT 1');
    expect(await asked({ transaction: 0 })).toContain(
      `process ${client.processID} has had a transaction open`,
    );
  });

  it('not when somebody waits for a lock elsewhere, but such sessions are counted', async () => {
    const holder = await session();
    const waiters = [await session(), await session()];
    await holder.query('BEGIN; SELECT pg_advisory_xact_lock(1)');
    const waiting = waiters.map((waiter) => waiter.query('SELECT pg_advisory_lock_shared(1)'));
    // Tests of other databases of this server may have some that wait, too.
    await expect.poll(async () => (await look({ lockWait: 0 })).lockWaits).toBeGreaterThanOrEqual(2);
    expect(await asked({ lockWait: 0 })).toBeUndefined();
    await holder.query('ROLLBACK');
    await Promise.all(waiting);
    await expect.poll(async () => (await look()).lockWaits).toBe(0);
  });

  it('when somebody waits for a lock on the table, or for one of its rows', async () => {
    const holder = await session();
    const waiter = await session();
    for (const [held, wanted] of [
      ['SELECT FROM public.rows LIMIT 1', 'LOCK TABLE public.rows'],
      ['UPDATE public.rows SET changed = 0 WHERE id = 7', 'UPDATE public.rows SET changed = 0 WHERE id = 7'],
    ] as const) {
      await holder.query('BEGIN');
      await holder.query(held);
      await waiter.query('BEGIN');
      const waiting = waiter.query(wanted);
      await expect
        .poll(() => asked({ lockWait: 0 }))
        .toMatch(new RegExp(`^process ${waiter.processID} has waited 0[.\\d]* seconds for a lock on rows$`));
      expect(await asked({ lockWait: 60 })).toBeUndefined();
      expect(await asked({ lockWait: 0 }, parts)).toBeUndefined();
      await holder.query('ROLLBACK');
      await waiting;
      await waiter.query('ROLLBACK');
    }
  });

  it('while autovacuum is at work on the table or a part of it, or a VACUUM is', async () => {
    const vacuum = await slowVacuum();
    expect(await asked()).toBe('VACUUM is at work on rows');
    expect(await asked({}, parts)).toBeUndefined();
    // However long it takes, its transaction is in nobody's way.
    expect(await asked({ transaction: 0 })).toBe('VACUUM is at work on rows');
    await engine.database.query('INSERT INTO seen.autovacuum VALUES ($1)', [vacuum.pid]);
    expect(await asked()).toBe('autovacuum is at work on rows');
    await vacuum.end();
    expect(await asked()).toBeUndefined();
    await slowVacuum('part_1');
    expect(await asked({}, parts)).toBe('VACUUM is at work on parts');
  });

  it('when VACUUM is at work, but not in another database, whose tables may have the same numbers', async () => {
    const { query } = engine.database;
    await query('CREATE TABLE seen.pg_stat_progress_vacuum (LIKE pg_catalog.pg_stat_progress_vacuum)');
    const insert = `INSERT INTO seen.pg_stat_progress_vacuum (datname, relid) VALUES ($1, 'rows'::regclass)`;
    await query(insert, ['another']);
    expect(await asked()).toBeUndefined();
    await query(insert, [engine.database.name]);
    expect(await asked()).toBe('VACUUM is at work on rows');
    await query('DROP TABLE seen.pg_stat_progress_vacuum');
  });

  it('when a replica is far behind, here and on Aurora', async () => {
    const { query } = engine.database;
    await query(`INSERT INTO seen.pg_stat_replication VALUES ('near', '9.9 s'), ('idle', NULL)`);
    expect(await asked()).toBeUndefined();
    await query(`INSERT INTO seen.pg_stat_replication VALUES ('reports', '75 s'), ('far', '11 s')`);
    expect(await asked()).toBe('the replica reports is 1 minute 15 seconds behind');
    await query('DELETE FROM seen.pg_stat_replication');

    await query(`
      CREATE FUNCTION seen.aurora_replica_status()
      RETURNS TABLE (server_id text, session_id text, last_update_timestamp timestamptz, replica_lag_in_msec integer)
      AS $$ VALUES ('writer', 'MASTER_SESSION_ID', NULL, NULL), ('reader', 'a', now(), 20),
        ('gone', 'b', now() - interval '1 hour', 60000) $$ LANGUAGE sql`);
    expect(await asked()).toBeUndefined();
    expect(await asked({ replicaLag: 0.01 })).toBe('the replica reader is 0.02 seconds behind');
    await query('DROP FUNCTION seen.aurora_replica_status');
  });

  it('for all reasons at once', async () => {
    await slowVacuum();
    await engine.database.query(`INSERT INTO seen.pg_stat_replication VALUES ('reports', '75 s')`);
    expect(await asked()).toBe(
      'VACUUM is at work on rows, and the replica reports is 1 minute 15 seconds behind',
    );
  });

  it('as far as the database user may see', async () => {
    await slowVacuum();
    const client = await session();
    await client.query(`
      BEGIN; CREATE ROLE few_rights; SET LOCAL search_path = pg_catalog, public; SET LOCAL ROLE few_rights`);
    const query = vi.fn(async (statement: Sql) => {
      const { text, parameters } = render(statement);
      const values = parameters.map(({ value }) => value);
      return (await client.query(text.replace(/(?<!:):p(\d+)/g, '$$$1'), values)).rows;
    });
    expect((await pressure({ query } as unknown as Database, table)).reason).toBeUndefined();
    await expect(query.mock.results[0]?.value).resolves.toHaveLength(1); // it was answered
    expect(query).toHaveBeenCalledTimes(1);
  });

  it('not when the question fails: the batch will find out what is wrong', async () => {
    await slowVacuum();
    await engine.database.query('ALTER TABLE seen.pg_stat_replication RENAME replay_lag TO lag');
    expect(await asked()).toBeUndefined();
    await engine.database.query('ALTER TABLE seen.pg_stat_replication RENAME lag TO replay_lag');
    expect(await asked()).toBe('VACUUM is at work on rows');
  });
});

describe('A slice of batches', () => {
  it('rests 10 s under pressure before it changes anything, in the foreground too, says why, and goes on after it', async () => {
    for (const input of [{}, { mode: 'foreground' }] as const) {
      const next = await running(input);
      const vacuum = await slowVacuum();
      const held = {
        state: 'more',
        rest_seconds: 10,
        reason: 'VACUUM is at work on rows',
        total_processed: 0,
      };
      expect(await next()).toMatchObject(held);
      expect(await next()).toMatchObject(held);
      const [line] = await engine.ledger<{ resting: { until: string; reason: string } }>('migrations');
      expect(line?.resting.reason).toBe('VACUUM is at work on rows');
      const seconds = (Date.parse(line?.resting.until ?? '') - Date.now()) / 1_000;
      expect(seconds).toBeGreaterThan(5);
      expect(seconds).toBeLessThanOrEqual(10);
      await vacuum.end();
      expect(await next()).toMatchObject({ state: 'done', rest_seconds: 0, total_updated: 10_000 });
      expect(await engine.ledger('migrations')).toMatchObject([{ resting: null }]);
    }
  });

  it('looks again ever later, and fails after an hour with what is in the way', async () => {
    const next = await running({});
    const vacuum = await slowVacuum();
    const heldFor = (seconds: number) =>
      engine.database.query(
        `UPDATE data_migrations.migrations SET resting = jsonb_set(resting, '{held_since}', to_jsonb(now() - $1 * interval '1 s'))`,
        [seconds],
      );
    const rests: number[] = [];
    await next();
    for (const seconds of [0, 40, 2_000, 3_500]) {
      await heldFor(seconds);
      rests.push((await next()).rest_seconds);
    }
    expect(rests).toEqual([10, expect.any(Number), expect.any(Number), expect.any(Number)]);
    // A quarter of what it has been held for, and no longer than it may be held.
    const [, second = 0, third = 0, last = 0] = rests;
    expect(second).toBeLessThan(15);
    expect(Math.abs(third - 501)).toBeLessThan(3);
    expect(last > 80 && last <= 100, `${last}`).toBe(true);

    await heldFor(3_601);
    await expect(next()).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(
        /^migration "add-one" has been held for 1 hour, its "pressureTimeout", because VACUUM is at work on rows\. End what is/,
      ),
    });
    expect((await next()).rest_seconds, 'whoever starts or redrives it has the whole hour again').toBe(10);
    await vacuum.end();
    expect(await next()).toMatchObject({ state: 'done', total_updated: 10_000 });
  });

  it('does not count what an earlier run was held', async () => {
    const next = await running({});
    const vacuum = await slowVacuum();
    await next();
    await engine.database.query(`
      UPDATE data_migrations.migrations
      SET resting = jsonb_set(resting, '{held_since}', to_jsonb(now() - interval '2 hours'))`);
    const another = await running({});
    expect((await another()).rest_seconds).toBe(10);
    await vacuum.end();
  });

  it('does not wait when it is told to go on by force', async () => {
    const next = await running({ force: true });
    await slowVacuum();
    expect(await next()).toMatchObject({ state: 'done', total_updated: 10_000 });
  });

  it('asks at its beginning, and then every 5 s at most', async () => {
    let now = 100;
    const query = vi.fn(async () => []);
    const surroundings = {
      database: { query } as unknown as Database,
      clock: { ...lambdaClock, now: () => now },
      logger: { warn: () => {} },
    };
    const at = { request: {}, batches: 0, secondsPerRow: null, heldSeconds: 0 } as unknown as Checkpoint;
    const schedule = await scheduleOf(surroundings, rowsOf(migration), table, at);
    for (; now < 110; now += 0.5) {
      await schedule.hold();
    }
    expect(query).toHaveBeenCalledTimes(2);
  });
});
