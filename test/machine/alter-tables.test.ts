import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { demoSql } from '../support/demo.ts';
import type { ProxiedCall } from '../support/fault-proxy.ts';
import { type Ended, startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const tables = 40;
let chain: TestRuntime;
/** The tables without the column, in the order of their names. */
let lacking: string[];

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'audience' });
});
afterAll(() => chain.close());

beforeEach(async () => {
  await chain.reset();
  await chain.database.query('DROP SCHEMA IF EXISTS audience_data CASCADE');
  await chain.database.query('CREATE SCHEMA audience_data');
  await chain.database.query(await demoSql('audience-data'));
  lacking = await without();
});

async function without(): Promise<string[]> {
  const found = await chain.database.query<{ name: string }>(`
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = 'audience_data'::regnamespace AND c.relkind = 'r' AND NOT EXISTS (
      SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'updated_at' AND a.attnotnull)
    ORDER BY c.relname::text`);
  return found.map(({ name }) => name);
}

const result = (updated: number) => ({
  'audience-updated-at': {
    total_processed: tables,
    total_updated: updated,
    errors: 0,
    duration_seconds: expect.any(Number),
  },
});

async function expectAllChanged({ status, cause, result: got }: Ended): Promise<void> {
  expect({ status, cause, got }).toEqual({ status: 'SUCCEEDED', cause: undefined, got: result(35) });
  expect(await without()).toEqual([]);
}

const isAlter = ({ body }: ProxiedCall, table = '') =>
  body.includes(`"sql":"ALTER TABLE \\"audience_data\\".\\"${table}`);

test('all 35 of the 40 tables that lack the column get it, and a second run skips them', async () => {
  expect(lacking).toHaveLength(35);
  let alters = 0;
  const transactions = new Set<unknown>();
  chain.between.call = (call) => {
    if (!isAlter(call)) {
      return 'pass';
    }
    alters += 1;
    transactions.add(JSON.parse(call.body).transactionId);
    return 'pass';
  };
  await expectAllChanged(await chain.run());
  expect({ alters, transactions: transactions.size }).toEqual({ alters: 35, transactions: 1 });
  expect((await chain.run()).result).toEqual({ 'audience-updated-at': 'skipped' });
});

test('promise 1: a failure at the 20th table leaves none changed, and names the table', async () => {
  const name = lacking[19] as string;
  await chain.database.query(`
    DROP TABLE audience_data.${name};
    CREATE TYPE audience_data.person AS (id bigint);
    CREATE TABLE audience_data.${name} OF audience_data.person`);
  const { status, error, cause } = await chain.run();
  expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationFailed' });
  expect(cause).toBe(
    `migration "audience-updated-at", table audience_data.${name} (20 of 35): ERROR: cannot add column to typed table; ` +
      'SQLState: 42809. None of these tables was changed. Correct the table or the migration, deploy, and start the ' +
      'machine again',
  );
  expect(await without()).toEqual(lacking);

  await chain.database.query(`ALTER TABLE audience_data.${name} NOT OF`);
  await expectAllChanged(await chain.run());
});

test('a lock that the application holds keeps nobody waiting for longer than the lock timeout, and is waited out', async () => {
  const [first, second, third] = lacking;
  const holder = await chain.database.pool.connect();
  await holder.query(`BEGIN; SELECT FROM audience_data.${second}`);
  let waits = 0;
  chain.between.call = (call) => {
    if (isAlter(call, `${second}\\"`)) {
      waits += 1;
    }
    return 'pass';
  };
  const run = chain.start();
  let longest = 0;
  // What the application does meanwhile, with a table that we have locked, one that we wait for, and one beyond.
  while (waits < 3) {
    for (const name of [first, second, third]) {
      const begun = performance.now();
      await chain.database.query(`SELECT count(*) FROM audience_data.${name}`);
      longest = Math.max(longest, performance.now() - begun);
    }
    await sleep(5);
  }
  expect(await without()).toEqual(lacking);
  await holder.query('COMMIT');
  holder.release();
  await expectAllChanged(await chain.ended(await run));
  expect(longest).toBeGreaterThan(100); // it did wait for us
  expect(longest).toBeLessThan(1_000); // and not much longer than 0.3 s, on the slowest of machines
});

test('promise 1: a Lambda that is killed at the 20th table leaves none changed and no lock for long; the next does all', async () => {
  const [first] = lacking;
  let late: ProxiedCall | undefined;
  let freeAfter = Promise.resolve(Number.NaN);
  chain.between.call = async (call) => {
    if (late !== undefined || !isAlter(call, `${lacking[19]}\\"`)) {
      return 'pass';
    }
    const { resourceArn, secretArn, transactionId } = JSON.parse(call.body);
    late = {
      ...call,
      path: '/CommitTransaction',
      body: JSON.stringify({ resourceArn, secretArn, transactionId }),
    };
    await chain.crash();
    const died = performance.now();
    freeAfter = chain.database
      .query<{ id: string }>(
        `SELECT to_jsonb(a) ? 'updated_at' AS changed FROM audience_data.${first} a LIMIT 1`,
      )
      .then((rows) => {
        expect(rows).toEqual([{ changed: false }]);
        return performance.now() - died;
      });
    return 'refuse';
  };
  const ended = await chain.run();
  expect(late).toBeDefined();
  expect(await freeAfter).toBeLessThan(6_500); // 5 s, not the Data API's three minutes
  await expectAllChanged(ended);
  // What the dead one has still sent comes too late.
  await chain.forward(late as ProxiedCall);
  expect(await without()).toEqual([]);
  expect((await chain.run()).result).toEqual({ 'audience-updated-at': 'skipped' });
});

test('promise 2: tables change once although Lambda runs every invocation twice, and the answer of each COMMIT is lost', async () => {
  chain.between.invocation = async (_, invoke) => {
    const [answer] = await Promise.all([invoke(), invoke()]);
    return answer;
  };
  chain.between.call = ({ path }) => (path === '/CommitTransaction' ? 'lose-answer' : 'pass');
  await expectAllChanged(await chain.run());
});
