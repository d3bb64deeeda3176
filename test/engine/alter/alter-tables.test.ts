import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AlterOptions,
  alterTables,
  partitionsMissingColumn,
  tablesMissingColumn,
} from '../../../functions/engine/alter/alter-tables.ts';
import { countLocks, tooMany } from '../../../functions/engine/alter/lock-limits.ts';
import { type Sql, sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';
import { tablesOf } from '../../support/opened.ts';

const options: AlterOptions = {
  name: 'stamps',
  tables: partitionsMissingColumn({ schema: 'parts', column: 'stamp' }),
  alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN stamp integer NOT NULL DEFAULT 0`,
  lockTimeoutSeconds: 0.1,
};
const made = (changed: Partial<AlterOptions>) => alterTables({ ...options, ...changed });
const stamps = made({});

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());

const query = (text: string) => engine.database.query<Record<string, unknown>>(text);
const counted = (processed: number, updated: number) => ({
  total_processed: processed,
  total_updated: updated,
  errors: 0,
  duration_seconds: expect.any(Number),
});

beforeEach(async () => {
  await engine.forget();
  engine.slept.length = 0;
  await query('DROP SCHEMA IF EXISTS parts, elsewhere CASCADE');
  await query('CREATE SCHEMA parts');
  await query('CREATE SCHEMA elsewhere');
  for (const name of ['a', 'b', 'c', 'd']) {
    await query(`CREATE TABLE parts.${name} AS SELECT 1 AS id`);
  }
  await query('ALTER TABLE parts.c ADD COLUMN stamp integer NOT NULL DEFAULT 0');
});

/** The tables of both schemas that have the column. */
async function stamped(): Promise<string[]> {
  const found = await query(`
    SELECT format('%s.%s', c.relnamespace::regnamespace, c.relname) AS name
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attname = 'stamp' AND NOT a.attisdropped AND c.relnamespace::regnamespace::text IN ('parts', 'elsewhere')
    ORDER BY 1`);
  return found.map(({ name }) => String(name));
}
const all = ['parts.a', 'parts.b', 'parts.c', 'parts.d'];
const altered = () => engine.statements.filter((text) => text.startsWith('ALTER TABLE')).length;
const commits = () => engine.statements.filter((text) => text === 'CommitTransaction').length;

describe('The tables of a migration', () => {
  it('are those of the schema, whatever they are called; views and indexes are none', async () => {
    await query('CREATE TABLE parts."App ""7"" :x" (id integer PRIMARY KEY)');
    await query('CREATE VIEW parts.view AS SELECT 1 AS id');
    expect(await engine.run([stamps])).toEqual({ stamps: counted(5, 4) });
    expect(await stamped()).toEqual(['parts.App "7" :x', ...all]);
    expect(await engine.run([stamps])).toEqual({ stamps: 'skipped' });
  });

  it('are the parents of partitions, wherever they are, since a partition cannot have columns of its own', async () => {
    await query('DROP TABLE parts.a, parts.b, parts.c, parts.d');
    await query('CREATE TABLE elsewhere.root (app integer, id integer) PARTITION BY LIST (app)');
    await query('CREATE TABLE parts.app_1 PARTITION OF elsewhere.root FOR VALUES IN (1)');
    await query('CREATE TABLE parts.rest PARTITION OF elsewhere.root DEFAULT PARTITION BY LIST (id)');
    await query('CREATE TABLE parts.rest_1 PARTITION OF parts.rest FOR VALUES IN (1)');
    // As it was done before there were partitions: a child may have the column already.
    await query('CREATE TABLE parts.zoo (id integer)');
    await query('CREATE TABLE parts.ape (stamp integer) INHERITS (parts.zoo)');
    expect(await engine.run([stamps])).toEqual({ stamps: counted(2, 2) });
    expect(await stamped()).toEqual([
      'elsewhere.root',
      'parts.ape',
      'parts.app_1',
      'parts.rest',
      'parts.rest_1',
      'parts.zoo',
    ]);
    expect(await engine.run([stamps])).toEqual({ stamps: 'skipped' });
  });

  it('are an error where their schema is not there, rather than none', async () => {
    const tables = partitionsMissingColumn({ schema: 'part', column: 'stamp' });
    await expect(engine.run([made({ tables })])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(/^pending of migration "stamps": ERROR: schema "part" does not exist/),
    });
  });

  it('of one name are found in every schema that is like a pattern, in which an underscore may be meant', async () => {
    await engine.database.query(`
      DROP SCHEMA IF EXISTS "tenant_1", "tenant_2", "tenantry" CASCADE;
      CREATE SCHEMA "tenant_1"; CREATE SCHEMA "tenant_2"; CREATE SCHEMA "tenantry";
      CREATE TABLE tenant_1.settings (id int); CREATE TABLE tenant_2.settings (id int, stamp int);
      CREATE TABLE tenant_1.others (id int); CREATE TABLE tenantry.settings (id int)`);
    const tables = tablesMissingColumn({ schemas: 'tenant\\_%', table: 'settings', column: 'stamp' });
    expect(await engine.run([made({ tables })])).toEqual({ stamps: counted(2, 1) });
    const found = await engine.database.query(`
      SELECT table_schema || '.' || table_name AS name FROM information_schema.columns
      WHERE table_schema LIKE 'tenant%' AND column_name = 'stamp' ORDER BY 1`);
    expect(found).toEqual([{ name: 'tenant_1.settings' }, { name: 'tenant_2.settings' }]);
  });

  it('may come from any query', async () => {
    const commented = made({
      tables: sql`SELECT schemaname AS schema, tablename AS name,
        obj_description(format('%I.%I', schemaname, tablename)::regclass) IS DISTINCT FROM ${'new'} AS lacks
        FROM pg_tables WHERE schemaname = 'parts'`,
      alter: (table) => sql`COMMENT ON TABLE ${table} IS 'new'`,
    });
    expect(await engine.run([commented])).toEqual({ stamps: counted(4, 4) });
    expect(await engine.run([commented])).toEqual({ stamps: 'skipped' });
  });

  it.each<[string, Sql]>([
    ['goes on finding them', sql`SELECT 'parts' AS schema, 'a' AS name, true AS lacks`],
    ['does not know', sql`SELECT 'parts' AS schema, 'a' AS name, NULL::boolean AS lacks`],
  ])('stay as they were if their query %s after the change', async (_, tables) => {
    await expect(engine.run([made({ tables })])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message:
        'migration "stamps": "tables" still finds 1 tables lacking the change after they were given it, among them parts.a. ' +
        'None of these tables was changed. Correct "tables" or "alter", so that they fit each other',
    });
    expect(await stamped()).toEqual(['parts.c']);
  });
});

describe('Promise 1: all tables and the checkpoint change together, or none does:', () => {
  it('a table with rows that the change does not fit is named, and ends it', async () => {
    await query('TRUNCATE parts.a, parts.b');
    const strict = made({ alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN stamp integer NOT NULL` });
    await expect(engine.run([strict])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(
        /^migration "stamps", table parts\.d \(3 of 3\): ERROR: column "stamp" of relation "d" contains null values; .*23502\. None of these tables was changed\. Correct the table or the migration, deploy, and start/,
      ),
    });
    expect(await stamped()).toEqual(['parts.c']);
    expect(await engine.ledger('migrations')).toMatchObject([{ batches: '0', total_updated: '0' }]);

    await query('TRUNCATE parts.d');
    expect(await engine.run([strict])).toEqual({ stamps: counted(4, 3) });
    expect(await stamped()).toEqual(all);
  });

  it.each([
    ['lose-answer', 3],
    ['refuse', 6],
  ] as const)(
    'promise 2: a COMMIT that meets "%s" is found out about, and each table changed once',
    async (fault, alters) => {
      let commit = 0;
      engine.between = ({ sql: text }) => (text === 'CommitTransaction' && ++commit === 2 ? fault : 'pass');
      expect(await engine.run([stamps])).toEqual({ stamps: counted(4, 3) });
      expect(await stamped()).toEqual(all);
      expect(altered()).toBe(alters);
    },
  );

  it('a connection that is cut between two tables', async () => {
    let cuts = 0;
    engine.between = async ({ sql: text }) => {
      if (!text.startsWith('ALTER TABLE "parts"."b"') || cuts++ > 0) {
        return;
      }
      await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'`);
    };
    expect(await engine.run([stamps])).toEqual({ stamps: counted(4, 3) });
    expect(cuts).toBe(2);
    expect(engine.slept).toHaveLength(1);
  });

  it.each([
    ['dropped', 'DROP TABLE parts.b', 3, 2],
    ['changed by somebody else', 'ALTER TABLE parts.b ADD COLUMN stamp integer', 4, 2],
  ])(
    'a table that was %s just before its turn is none of ours any more',
    async (_, theirs, tables, changed) => {
      let done = false;
      engine.between = async ({ sql: text }) => {
        if (done || !text.startsWith('ALTER TABLE "parts"."b"')) {
          return;
        }
        done = true;
        await query(theirs);
      };
      expect(await engine.run([stamps])).toEqual({ stamps: counted(tables, changed) });
    },
  );
});

it('Promise 4: an invocation that has lost its claim changes nothing, even where the change could be made twice', async () => {
  const filled = made({
    tables: sql`SELECT 'parts' AS schema, relname AS name, reloptions IS NULL AS lacks FROM pg_class
      WHERE relnamespace = 'parts'::regnamespace`,
    alter: (table) => sql`ALTER TABLE ${table} SET (fillfactor = 90)`,
  });
  const run = caller('claimed-twice');
  engine.executions.set(run.execution_arn, 'RUNNING');
  const [zombie, living] = [engine.process([filled]), engine.process([filled])];
  await zombie.invoke({ operation: 'open', run, input: {} });
  await zombie.invoke({ operation: 'pending', run, migration: 'stamps' });
  let answer: unknown;
  engine.between = async ({ process, sql: text }) => {
    if (process === zombie && text === 'BeginTransaction') {
      answer = await living.invoke({ operation: 'batches', run, migration: 'stamps' });
    }
  };
  const late = await zombie.invoke({ operation: 'batches', run, migration: 'stamps' });
  expect(answer).toMatchObject({ state: 'done', total_processed: 4, total_updated: 4 });
  expect(late).toMatchObject({ state: 'more', total_updated: 0 });
  expect(altered()).toBe(4);
  expect(await engine.ledger('migrations')).toMatchObject([{ status: 'finished', total_updated: '4' }]);
});

describe('Tables that are made while it runs', () => {
  it('are changed in the same run, and those after it in the next', async () => {
    let commit = 0;
    engine.between = async ({ sql: text }) => {
      if (text === 'CommitTransaction' && ++commit === 1) {
        await query('CREATE TABLE parts.e (id integer)');
      }
    };
    expect(await engine.run([stamps])).toEqual({ stamps: counted(5, 4) });
    expect(commits()).toBe(2);
    expect(await engine.run([stamps])).toEqual({ stamps: 'skipped' });

    await query('CREATE TABLE parts.f (id integer)');
    expect(await engine.run([stamps])).toEqual({ stamps: counted(6, 1) });
    expect(await stamped()).toEqual([...all, 'parts.e', 'parts.f']);
  });
});

describe('Too much for one transaction is refused before the first table is locked:', () => {
  it('more tables than it may change', async () => {
    await expect(engine.run([made({ maxTables: 2 })])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message:
        'migration "stamps": 3 tables lack the change, and one transaction takes 2 at most (maxTables); at some 20 ms each, ' +
        'the application would wait 1 s for the first until the last is changed. Split it into several migrations by what ' +
        '"tables" finds, for example by app, or allow more at a time when nobody minds the wait. None of them was changed',
    });
    expect(altered()).toBe(0);
    expect(await stamped()).toEqual(['parts.c']);
  });

  it('more locks than the server keeps, partitions and indexes counted', async () => {
    await query('CREATE TABLE parts.root (id integer PRIMARY KEY) PARTITION BY LIST (id)');
    await query('CREATE TABLE parts.root_1 PARTITION OF parts.root FOR VALUES IN (1)');
    await query('CREATE INDEX ON parts.a (id)');
    const named = (name: string) => ({ schema: 'parts', name });
    const counted = await countLocks(engine.dataApi(), ['a', 'b', 'root'].map(named));
    expect(counted).toEqual({
      tables: 4,
      indexes: 3,
      slots: 64 * 200,
      settings: 'max_locks_per_transaction 64 × (max_connections 200 + max_prepared_transactions 0)',
    });
    const enough = { ...counted, slots: 45 }; // 4 × 3 + 3 is a third of it
    expect(tooMany(tablesOf(stamps), 3, enough)).toBeUndefined();
    expect(tooMany(tablesOf(stamps), 3, { ...enough, slots: 44 })).toMatch(
      /^4 tables with 3 indexes lack the change, .* 15 locks, .* keeps 44 for everybody \(max_locks_per_transaction 64 × .*\), of which a migration takes a third at most\. Split it .*, or raise max_locks_per_transaction/,
    );
  });

  it.each<[string, AlterOptions['alter'], number]>([
    ['no more locks than counted', (t) => sql`ALTER TABLE ${t} ADD COLUMN stamp text`, 1],
    [
      'less than three times as many if it rewrites',
      (t) => sql`ALTER TABLE ${t} ADD stamp text, ALTER id TYPE bigint`,
      3,
    ],
  ])('and an ALTER takes %s', async (_, alter, times) => {
    await query('CREATE INDEX ON parts.a (id)');
    let locks = 0;
    engine.between = async ({ sql: text }) => {
      if (text !== 'CommitTransaction') {
        return;
      }
      const [row] = await query(`
        SELECT count(*)::int AS locks FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE a.datname = current_database() AND a.state = 'idle in transaction' AND l.mode = 'AccessExclusiveLock'`);
      locks = Number(row?.locks);
    };
    await engine.run([made({ alter })]);
    const counted = 3 * 3 + 1; // a, b and d, which get a TOAST table by their first text, and an index
    expect(locks).toBeGreaterThan(counted * times * 0.8);
    expect(locks).toBeLessThanOrEqual(counted * times);
  });
});

describe('The transaction holds its locks for a limited time:', () => {
  const slow = (changed: Partial<AlterOptions>) =>
    made({
      alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN stamp text DEFAULT pg_sleep(0.25)::text`,
      ...changed,
    });

  it.each([
    [
      'one table that takes longer is named',
      0.15,
      /table parts\.a \(1 of 3\): .*statement timeout.* held its locks for 0\.\d s of the 0\.15 s/,
    ],
    [
      'so are all of them together',
      0.4,
      /stamps": 2 of 3 were changed, when .* held its locks for 0\.\d s of the 0\.4 s/,
    ],
  ])('%s', async (_, maxLockedSeconds, message) => {
    await expect(engine.run([slow({ maxLockedSeconds })])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(message),
    });
    expect(engine.slept).toEqual([]); // each try would lock out the application as long
    expect(await stamped()).toEqual(['parts.c']);
  });
});

describe('A lock that is not let go', () => {
  it('is waited for by Step Functions, with the holder named and for how long, and after an hour the run says so', async () => {
    const application = await engine.database.pool.connect();
    await application.query(`SET application_name = 'nightly report'; BEGIN; SELECT FROM parts.b`);
    const held: unknown[] = [];
    const process = engine.process([stamps], {
      metrics: { ofMigration: (_, { HoldSeconds }) => held.push(HoldSeconds), ofStack: () => {} },
    });
    const run = caller('held-up');
    engine.executions.set(run.execution_arn, 'RUNNING');
    await process.invoke({ operation: 'open', run, input: {} });
    await process.invoke({ operation: 'pending', run, migration: 'stamps' });
    const slice = () => process.invoke({ operation: 'batches', run, migration: 'stamps' });
    const reason = expect.stringMatching(
      /^waits for the lock on parts\.b, held by process \d+ \(nightly report\), in a transaction for \d+ s$/,
    );
    expect(await slice()).toMatchObject({ state: 'more', rest_seconds: 30, total_updated: 0, reason });
    expect(engine.slept).toHaveLength(6); // 0.1 s, doubled until it is more than 5
    engine.slept.forEach((seconds, i) => {
      expect(seconds).toBeGreaterThanOrEqual(0.05 * 2 ** i);
      expect(seconds).toBeLessThanOrEqual(0.1 * 2 ** i);
    });
    expect(await engine.ledger('migrations')).toMatchObject([{ resting: { reason } }]);
    await query(`
      UPDATE data_migrations.migrations
      SET resting = jsonb_set(resting, '{held_since}', to_jsonb(now() - interval '20 min'))`);
    expect(await slice()).toMatchObject({ state: 'more', rest_seconds: 30 });
    expect(held).toEqual([
      expect.toSatisfy((seconds) => seconds < 60),
      expect.toSatisfy((seconds) => seconds >= 1_200),
    ]);

    await query(`UPDATE data_migrations.migrations SET started_at = now() - interval '61 min'`);
    await query(`UPDATE data_migrations.runs SET started_at = now() - interval '61 min'`);
    await expect(slice()).rejects.toMatchObject({
      name: 'DatabaseUnavailable',
      message: expect.stringMatching(
        /^migration "stamps", table parts\.b \(2 of 3\): .*55P03: waits for the lock .*nightly report.*Tried for 61 min in vain/,
      ),
    });
    await application.query('COMMIT');
    application.release(true);
    expect(await slice()).toMatchObject({ state: 'done', total_processed: 4, total_updated: 3 });
    expect(held.at(-1)).toBe(0);
    expect(await stamped()).toEqual(all);
  });
});
