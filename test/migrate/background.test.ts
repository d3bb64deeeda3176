import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MigrateRequest } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { caller, startEngine, type TestEngine } from '../support/engine.ts';

const names = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof names)[number];
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('DELETE FROM data_migrations.controls');
  engine.slept.length = 0;
  for (const table of names) {
    await engine.database.query(`DROP TABLE IF EXISTS ${table}`);
    await engine.database.query(
      `CREATE TABLE ${table} (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0)`,
    );
    await engine.database.query(`INSERT INTO ${table} SELECT n FROM generate_series(1, 60) AS n`);
  }
});

/** Each on a table of its own. A batch takes a fifth of a second. */
const migrations = names.map((name) =>
  backfill({
    name,
    table: name,
    key: 'id',
    immutableKey: true,
    set: { n: sql`n + CASE WHEN pg_sleep(0.01) IS NULL THEN 2 ELSE 1 END` },
    background: true,
    pace: { maxRows: 20 },
  }),
);

/** The execution in the background of a migration. */
function execution(name: Name) {
  const process = engine.process(migrations);
  const run = caller(`of-${name}`);
  engine.executions.set(run.execution_arn, 'RUNNING');
  const invoke = (request: MigrateRequest) => process.invoke(request) as Promise<{ state: string }>;
  return {
    open: () => invoke({ operation: 'open', run, input: { background: name } }),
    ask: (operation: 'pending' | 'batches') => invoke({ operation, run, migration: name }),
    stop: () => engine.executions.set(run.execution_arn, 'ABORTED'),
  };
}

async function opened() {
  const all = { a: execution('a'), b: execution('b'), c: execution('c'), d: execution('d') };
  for (const each of Object.values(all)) {
    await each.open();
  }
  return all;
}

describe('Migrations in the background', () => {
  it('are at work two at once; the others wait for a place, in the order of the registry', async () => {
    const { a, b, c, d } = await opened();
    expect(await b.ask('pending')).toEqual({ state: 'pending' });
    expect(await d.ask('pending')).toEqual({ state: 'pending' });
    expect(await a.ask('pending')).toMatchObject({
      state: 'wait',
      rest_seconds: 10,
      reason: 'waits for a place in the background, where 2 may be at work: b, d',
    });
    await c.ask('pending');
    while ((await b.ask('batches')).state === 'more') {}
    // There is a place now, but it is not c's turn.
    expect(await c.ask('pending')).toMatchObject({
      state: 'wait',
      reason: 'waits for its turn in the background, after a',
    });
    expect(await a.ask('pending')).toEqual({ state: 'pending' });
    expect(await c.ask('pending')).toMatchObject({ state: 'wait' });
  });

  it('leave their place, and their turn, when their execution does not run any more', async () => {
    const { a, b, c, d } = await opened();
    await b.ask('pending');
    await d.ask('pending');
    await a.ask('pending');
    a.stop();
    b.stop();
    expect(await c.ask('pending')).toEqual({ state: 'pending' });
  });

  it.each([
    ['paused', { by: 'ada', at: '2026-11-26T03:00:00Z', reason: null }, 'wait'],
    ['tuned', { restSeconds: 0 }, 'done'],
  ])('are %s from the next batch on, not from the next slice', async (column, value, then) => {
    const { a } = await opened();
    await a.ask('pending');
    let set = false;
    engine.between = async ({ sql: text }) => {
      if (!set && /UPDATE "public"."a"/.test(text)) {
        set = true;
        await engine.database.query(
          `INSERT INTO data_migrations.controls (migration, ${column}) VALUES ('a', $1)`,
          [JSON.stringify(value)],
        );
      }
      return undefined;
    };
    expect(await a.ask('batches')).toMatchObject({ state: 'more', total_processed: 20 });
    expect(set).toBe(true);
    expect((await a.ask('batches')).state).toBe(then);
  });

  it('press together no more than one would: beside another each rests as long as it works', async () => {
    const { a, b } = await opened();
    await a.ask('pending');
    while ((await a.ask('batches')).state === 'more') {}
    const alone = Math.max(...engine.slept);
    await b.ask('pending');
    const c = execution('c');
    await c.ask('pending');
    engine.slept.length = 0;
    while ((await b.ask('batches')).state === 'more') {}
    expect(alone).toBeLessThan(0.1);
    // A batch of 20 rows of 10 ms each.
    expect(Math.max(...engine.slept)).toBeGreaterThan(0.15);
  });
});
