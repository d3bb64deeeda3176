import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { notingBatches } from '../../bench/batch-log.ts';
import { watchingGrowth } from '../../bench/growth.ts';
import { plainBatches } from '../../bench/limits.ts';
import { makePeople } from '../../bench/tables.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

const rows = 2_500;
let engine: TestEngine;
let client: pg.Client;

beforeAll(async () => {
  engine = await startEngine({ between: 'nothing' });
  client = new pg.Client({ connectionString: engine.database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await engine.stop();
});
beforeEach(() => makePeople(client, 'people', rows));

const named = async () =>
  (
    await client.query(
      `SELECT count(*)::int AS rows, count(DISTINCT xmin::text)::int AS statements FROM people WHERE full_name = first_name || ' ' || last_name`,
    )
  ).rows[0];

it.each([false, true])(
  'Plain batches change all rows, those of a page by one statement (looks again: %s)',
  async (looksAgain) => {
    await plainBatches(client, { table: 'people', size: 1_000, looksAgain });
    expect(await named()).toEqual({ rows, statements: 3 });
    expect((await client.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
  },
);

it('The batches of a run are noted with their rows, their times and what they add up to', async () => {
  const people = backfill({
    name: 'people',
    table: 'people',
    key: 'id',
    where: sql`full_name IS DISTINCT FROM first_name || ' ' || last_name`,
    set: { full_name: sql`first_name || ' ' || last_name` },
    pace: { maxRows: 400 },
  });
  await engine.run([]);
  const { batches, curve } = await notingBatches(client, 'people', () => engine.run([people]));
  expect(batches.slice(0, 2).map((batch) => batch.rows)).toEqual([100, 400]);
  expect(batches.reduce((sum, batch) => sum + batch.rows, 0)).toBe(rows);
  for (const { seconds } of batches) {
    expect(seconds > 0 && seconds < 10, `${seconds}`).toBe(true);
  }
  expect([curve[0], curve.at(-1)?.rows]).toEqual([{ rows: 0, seconds: 0 }, rows]);
  expect(curve).toEqual(curve.toSorted((a, b) => a.seconds - b.seconds || a.rows - b.rows));
  const left = await client.query(`SELECT FROM pg_trigger WHERE tgname = 'note_batch'`);
  expect(left.rowCount).toBe(0);
});

it('How far a single statement is, is seen by the growth of its table', async () => {
  const curve = await watchingGrowth(
    { connectionString: engine.database.url },
    { table: 'people', rows },
    () => client.query(`UPDATE people SET full_name = 'x' WHERE pg_sleep(0.0002) IS NOT NULL`),
  );
  expect([curve[0], curve.at(-1)?.rows]).toEqual([{ rows: 0, seconds: 0 }, rows]);
  const between = curve.filter((done) => done.rows > 0 && done.rows < rows);
  expect(between.length).toBeGreaterThan(2);
  expect(curve).toEqual(curve.toSorted((a, b) => a.rows - b.rows || a.seconds - b.seconds));
});

it('An error of the statement is thrown, and nobody looks any more', async () => {
  const failing = watchingGrowth({ connectionString: engine.database.url }, { table: 'people', rows }, () =>
    client.query('UPDATE people SET full_name = 1 / 0'),
  );
  await expect(failing).rejects.toThrow('division by zero');
  const others = await client.query(
    `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_relation_size%' AND pid <> pg_backend_pid()`,
  );
  expect(others.rowCount).toBe(0);
});
