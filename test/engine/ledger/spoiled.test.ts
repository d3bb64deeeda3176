import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(
    'CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)',
  );
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('TRUNCATE rows; INSERT INTO rows SELECT n FROM generate_series(1, 100) AS n');
});

const migration = backfill({
  name: 'probe',
  table: 'rows',
  key: 'id',
  where: sql`changed = 0`,
  set: { changed: sql`changed + 1` },
  within: 'PT1H',
});

/** Somebody's hand in the ledger, when a run has got as far as its first batch. */
async function spoil(statement: string): Promise<() => Promise<unknown>> {
  const process = engine.process([migration]);
  const run = caller('run');
  engine.executions.set(run.execution_arn, 'RUNNING');
  // In the background it would rest between batches, for long where those are slow.
  await process.invoke({ operation: 'open', run, input: { mode: 'foreground' } });
  await process.invoke({ operation: 'pending', run, migration: 'probe' });
  await engine.database.query(statement);
  engine.executions.set(run.execution_arn, 'FAILED');
  return () => process.invoke({ operation: 'batches', run, migration: 'probe' });
}
const changes = () => engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1');
const all = { total_updated: 100, errors: 0 };

describe('A ledger that somebody has altered in the middle', () => {
  it.each(['NaN', 'Infinity', '0', '-1'])('measures again where the time for a row is %s', async (value) => {
    const batches = await spoil(`UPDATE data_migrations.migrations SET seconds_per_row = '${value}'`);
    expect(await batches()).toMatchObject({ state: 'done', ...all });
    expect(await changes()).toEqual([{ changed: 1, rows: 100 }]);
  });

  it.each([
    ['cursor', `'"x"'`],
    ['conflicted', `'{}'`],
  ])('is a clear error where the %s is none, until that is corrected', async (column, value) => {
    const batches = await spoil(`UPDATE data_migrations.migrations SET ${column} = ${value}`);
    await expect(batches()).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(
        new RegExp(
          `migration "probe": the column ${column} is not what it should be: .*\\. Correct what it says and start`,
        ),
      ),
    });
    await engine.database.query(`UPDATE data_migrations.migrations SET ${column} = DEFAULT`);
    expect((await engine.run([migration], { input: { mode: 'foreground' } })).probe).toMatchObject(all);
  });

  it.each([
    ['DROP TABLE data_migrations.row_errors', 'relation "data_migrations.row_errors" does not exist'],
    ['DELETE FROM data_migrations.version', 'relation "version" already exists'],
  ])('says what is missing, and which way leads out: %s', async (statement, problem) => {
    await spoil(statement);
    await expect(engine.run([migration], { input: { mode: 'foreground' } })).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(new RegExp(`${problem}.*The ledger is not whole.*drop the schema`)),
    });
    expect(await changes()).toEqual([{ changed: 0, rows: 100 }]);
    await engine.database.query('DROP SCHEMA data_migrations CASCADE');
    expect((await engine.run([migration], { input: { mode: 'foreground' } })).probe).toMatchObject(all);
    expect(await changes()).toEqual([{ changed: 1, rows: 100 }]);
  });

  it.each([
    'DELETE FROM data_migrations.migrations',
    'DELETE FROM data_migrations.runs',
    'DROP SCHEMA data_migrations CASCADE',
  ])('is made good by the next run: %s', async (statement) => {
    const batches = await spoil(statement);
    await batches().catch(() => {});
    const { probe } = await engine.run([migration], { input: { mode: 'foreground' } });
    expect(probe === 'skipped' ? all : probe).toMatchObject(all);
    expect(await changes()).toEqual([{ changed: 1, rows: 100 }]);
  });
});
