import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Caller, Slice } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { lambdaClock } from '../../../functions/engine/clock.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { describeTable } from '../../../functions/engine/database/table.ts';
import type { RowOptions } from '../../../functions/engine/define/migration.ts';
import type { RowMigration } from '../../../functions/engine/define/registered.ts';
import { condition } from '../../../functions/engine/define/validations.ts';
import { type Checkpoint, claim } from '../../../functions/engine/ledger/checkpoint.ts';
import { pause } from '../../../functions/engine/ledger/controls.ts';
import { runSlice } from '../../../functions/engine/slice/slice.ts';
import type { Schedule } from '../../../functions/engine/slice/walk.ts';
import { caller, type LambdaProcess, startEngine, type TestEngine } from '../../support/engine.ts';
import { untilLockWait } from '../../support/lock-waits.ts';

const rows = 2_000;
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS rows');
});

const kinds = {
  backfill: (options: Partial<RowOptions> & Pick<RowOptions, 'key'>) =>
    backfill({
      name: 'probe',
      table: 'rows',
      immutableKey: true,
      set: { changed: sql`changed + 1` },
      lanes: 4,
      pace: { maxRows: 20 },
      ...options,
    }),
  rewrite: (options: Partial<RowOptions> & Pick<RowOptions, 'key'>) =>
    rewrite<{ changed: number }>({
      name: 'probe',
      table: 'rows',
      immutableKey: true,
      columns: ['changed'],
      transform: ({ changed }) => ({ changed: changed + 1 }),
      lanes: 4,
      pace: { maxRows: 20 },
      ...options,
    }),
};

const keys: Record<
  string,
  { readonly columns: string; readonly key: string | readonly string[]; readonly values: string }
> = {
  'an integer': { columns: 'id integer', key: 'id', values: 'n' },
  'a uuid': { columns: 'id uuid', key: 'id', values: 'gen_random_uuid()' },
  'a text with a collation': {
    columns: 'id text COLLATE "en-x-icu"',
    key: 'id',
    values: `md5(n::text) || 'ß'`,
  },
  'several columns': {
    columns: 'tenant smallint, at timestamptz, id bytea',
    key: ['tenant', 'at', 'id'],
    values: `n % 3, now() + n % 50 * interval '1 h', decode(md5(n::text), 'hex')`,
  },
};

describe.each(Object.entries(kinds))('Promise 2, a %s by four lanes', (_, make) => {
  it.each(Object.entries(keys))(
    'changes each row once whose key is %s',
    async (_, { columns, key, values }) => {
      await engine.database.query(
        `CREATE TABLE rows (${columns}, changed integer NOT NULL DEFAULT 0, PRIMARY KEY (${[key].flat().join(', ')}))`,
      );
      await engine.database.query(`INSERT INTO rows SELECT ${values} FROM generate_series(1, ${rows}) AS n`);
      const lanes = new Set<unknown>();
      let most = 0;
      engine.between = async () => {
        const taken = await engine.ledger<{ lane: number | null; done: boolean }>('ranges').catch(() => []);
        for (const { lane } of taken) {
          lanes.add(lane);
        }
        most = Math.max(most, taken.length);
        return undefined;
      };
      const result = await engine.run([make({ key })]);
      expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
      expect(await changes()).toEqual([{ changed: 1, rows }]);
      expect([...lanes].filter((lane) => lane !== null).sort()).toEqual([0, 1, 2, 3]);
      expect(most).toBeGreaterThan(16);
      expect(await engine.ledger('ranges')).toEqual([]);
    },
  );
});

describe.each(Object.entries(kinds))('A %s by four lanes', (_, make) => {
  const numbered = async (more = '') => {
    await engine.database.query(
      `CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0 ${more})`,
    );
    await engine.database.query(`INSERT INTO rows SELECT n FROM generate_series(1, ${rows}) AS n`);
  };

  it('promise 4: what is still at work when somebody else gets the claim changes nothing', async () => {
    await numbered();
    const migration = make({ key: 'id' });
    const stale = engine.process([migration]);
    const run = caller('stale');
    engine.executions.set(run.execution_arn, 'RUNNING');
    await stale.invoke({ operation: 'open', run, input: {} });
    await stale.invoke({ operation: 'pending', run, migration: 'probe' });
    const application = new pg.Client({ connectionString: engine.database.url });
    await application.connect();
    try {
      // A batch of the last ranges waits for these rows.
      await application.query('BEGIN');
      await application.query(`UPDATE rows SET changed = 0 WHERE id > ${rows - 200}`);
      const working = atWork(stale, run);
      await untilLockWait(engine.database);
      await pause(engine.dataApi(), 'probe', 'somebody', undefined);
      const other = engine.process([migration]);
      expect(await other.invoke({ operation: 'batches', run, migration: 'probe' })).toMatchObject({
        state: 'wait',
      });
      const before = await sums();
      await application.query('ROLLBACK');
      await working;
      expect(await sums()).toEqual(before);
    } finally {
      await application.end();
    }

    /** Slices of all lanes, wherever they are, until they have ended. */
    async function atWork(process: LambdaProcess, run: Caller): Promise<void> {
      const answer = (await process.invoke({ operation: 'batches', run, migration: 'probe' })) as Slice;
      const lanes = answer.lanes ?? [];
      await Promise.all(
        lanes.map((lane) => process.invoke({ operation: 'lane', run, migration: 'probe', lane })),
      );
    }
  });

  it('goes on in another run with other lanes, after one that was stopped', async () => {
    await numbered();
    let batches = 0;
    engine.between = ({ sql: text }) => {
      batches += text.includes('"walked#"') ? 1 : 0;
      return batches > 20 ? 'refuse' : 'pass';
    };
    const name = 'stopped';
    await expect(engine.run([make({ key: 'id' })], { name, attempts: 1 })).rejects.toMatchObject({
      name: 'DatabaseUnavailable',
    });
    engine.between = () => 'pass';
    const left = await engine.ledger<{ done: boolean }>('ranges');
    expect(left.filter(({ done }) => !done).length).toBeGreaterThan(2);
    const result = await engine.run([make({ key: 'id' })], { input: { lanes: 2 } });
    expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    expect(await changes()).toEqual([{ changed: 1, rows }]);
  });

  it('promise 6: lanes spend one budget of row errors', async () => {
    await numbered(', CHECK (id % 100 <> 0 OR changed = 0)');
    const failing = engine.run([make({ key: 'id', errorBudget: 6 })]);
    await expect(failing).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
    const recorded = await engine.ledger('row_errors');
    // Each lane may be at a batch with a few bad rows when the budget is spent.
    expect(recorded.length).toBeLessThan(7 + 4);
    const rest = await engine.run([make({ key: 'id' })]);
    expect(rest.probe).toMatchObject({ total_updated: rows - 20, errors: 20 });
    expect(await changes()).toEqual([
      { changed: 0, rows: 20 },
      { changed: 1, rows: rows - 20 },
    ]);
  });

  it('promise 8: what lanes have changed is put back', async () => {
    await numbered();
    const migration = make({
      key: 'id',
      where: sql`changed = 0`,
      validate: [condition('small', sql`id < ${String(rows)}::integer OR changed = 0`)],
      onInvalid: 'restore',
    });
    await expect(engine.run([migration])).rejects.toMatchObject({ name: 'ValidationFailed' });
    expect(await changes()).toEqual([{ changed: 0, rows }]);
  });

  it('finds what is left by its marker', async () => {
    await numbered();
    const result = await engine.run([make({ key: 'id', marker: 'done', immutableKey: false })]);
    expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows });
    expect(await changes()).toEqual([{ changed: 1, rows }]);
  });

  it('promise 3: changes a row that somebody writes while its range is walked', async () => {
    await numbered();
    let touched = 0;
    engine.between = async ({ sql: text }) => {
      if (text.includes('"walked#"')) {
        touched += 1;
        await engine.database.query(
          `UPDATE rows SET changed = changed + 100 WHERE id % 50 = ${touched % 50}`,
        );
      }
      return undefined;
    };
    const result = await engine.run([make({ key: 'id' })]);
    expect(result.probe).toMatchObject({ total_updated: rows, errors: 0 });
    const [found] = await engine.database.query<{ ones: number }>(
      'SELECT count(*) FILTER (WHERE changed % 100 <> 1)::int AS ones FROM rows',
    );
    expect([found, touched > 20]).toEqual([{ ones: 0 }, true]);
  });
});

it('A rest that one lane is told to take, because of pressure or the window, all of them take', async () => {
  await engine.database.query(
    'CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)',
  );
  await engine.database.query(`INSERT INTO rows SELECT n FROM generate_series(1, ${rows}) AS n`);
  const migration = kinds.backfill({ key: 'id' }) as RowMigration;
  const run = caller('held');
  const process = engine.process([migration]);
  engine.executions.set(run.execution_arn, 'RUNNING');
  await process.invoke({ operation: 'open', run, input: {} });
  await process.invoke({ operation: 'pending', run, migration: 'probe' });
  const database = engine.dataApi();
  let begun = 0;
  const schedule: Schedule = {
    hold: async () => (++begun === 8 ? { seconds: 60, reason: 'pressure' } : undefined),
    rest: () => ({ seconds: 0 }),
  };
  const at = (await claim(database, 'probe', run)) as Checkpoint;
  const table = await describeTable(database, { ...migration, columns: ['changed'] });
  const input = { database, clock: lambdaClock, isOver: () => false, migration, table };
  const progress = await runSlice(input, at, schedule);
  expect(progress).toMatchObject({ state: 'more', rest: { seconds: 60, reason: 'pressure' } });
  expect(begun).toBeLessThan(8 + 4);
});

const sums = () =>
  engine.database.query(`SELECT (SELECT sum(changed)::int FROM rows) AS changed, total_updated
    FROM data_migrations.migrations WHERE name = 'probe'`);

const changes = () =>
  engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1 ORDER BY 1');
