import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MigrateRequest } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { noNulls } from '../../functions/engine/define/validations.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import type { MetricName } from '../../functions/metrics.ts';
import type { SendMetrics, Values } from '../../functions/send-metrics.ts';
import { caller, startEngine, type TestEngine } from '../support/engine.ts';

const rows = 40;
let engine: TestEngine;
const sent: Values<MetricName>[] = [];
const metrics: SendMetrics = {
  ofMigration: (_, values) => sent.push(values),
  ofStack: (values) => sent.push(values),
};

beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  sent.length = 0;
  await engine.database.query('DROP TABLE IF EXISTS orders');
  await engine.database.query(
    'CREATE TABLE orders (id integer PRIMARY KEY, price text, cents integer, note text)',
  );
  await engine.database.query(
    `INSERT INTO orders SELECT n, n || '.50' FROM generate_series(1, ${rows}) AS n`,
  );
});

const cents = backfill({
  name: 'cents',
  table: 'orders',
  key: 'id',
  where: sql`cents IS NULL`,
  set: { cents: sql`(price::numeric * 100)::integer` },
  errorBudget: 3,
  pace: { maxRows: 10, restSeconds: 5 }, // one batch a slice, and no test waits for a rest
});
const undeployed = backfill({
  ...{ name: 'undeployed', table: 'orders', key: 'id', where: sql`cents IS NULL`, set: { cents: sql`0` } },
  rebuilds: ['no-such-job'],
});
const invalid = backfill({
  ...{ name: 'invalid', table: 'orders', key: 'id', where: sql`cents IS NULL`, set: { cents: sql`0` } },
  pace: { maxRows: 10, restSeconds: 5 },
  validate: [noNulls('note')],
});

/** All values of a metric. */
const values = (name: MetricName): number[] => sent.flatMap((each) => [each[name] ?? []].flat(2));
const sum = (name: MetricName): number => values(name).reduce((all, value) => all + value, 0);
const runs = () => [sum('RunsStarted'), sum('RunsSucceeded'), sum('RunsFailed')];

const run = caller('one');
const fail = (last_try = false): MigrateRequest => ({
  ...{ operation: 'fail', run, error: 'Boom', cause: 'because', last_try },
});

describe('a run', () => {
  it('counts once, however many parts it has', async () => {
    await engine.run([cents], { metrics, slicesPerExecution: 1 });
    expect(engine.executionsOfRun().length).toBeGreaterThan(3);
    expect(runs()).toEqual([1, 1, 0]);
  });

  it('that fails in a part counts once, although its first execution fails with it', async () => {
    const failing = engine.run([invalid], { metrics, slicesPerExecution: 1 });
    await expect(failing).rejects.toMatchObject({ name: 'ValidationFailed' });
    expect(engine.executionsOfRun().length).toBeGreaterThan(2);
    expect(runs()).toEqual([1, 0, 1]);
    expect(values('InvalidRows')).toEqual([rows]);
  });

  it('counts once whose states are asked again because an answer got lost', async () => {
    const process = engine.process([cents], { metrics });
    const open: MigrateRequest = { operation: 'open', run, input: {} };
    const close: MigrateRequest = { operation: 'close', run };
    for (const request of [open, open, close, close]) {
      await process.invoke(request);
    }
    expect(runs()).toEqual([1, 1, 0]);
    // Its jobs could not be started, say.
    await process.invoke(fail());
    await process.invoke(fail());
    expect(runs()).toEqual([1, 1, 1]);
    await process.invoke({ ...open, run: caller('one', 1) });
    expect(runs()).toEqual([1, 1, 1]);
  });

  it('counts as failed that could not even be entered', async () => {
    await expect(engine.run([undeployed], { metrics })).rejects.toMatchObject({ name: 'MigrationFailed' });
    expect(runs()).toEqual([0, 0, 1]);
  });

  it('counts as failed when the database is gone for good, and that once, though its failure is tried to be recorded for 20 minutes', async () => {
    engine.between = () => 'refuse';
    const failing = engine.run([cents], { metrics, attempts: 1 });
    await expect(failing).rejects.toMatchObject({ name: 'DatabaseUnavailable' });
    expect(runs()).toEqual([0, 0, 1]);
  });

  it('does not count twice as failed when the database comes back meanwhile', async () => {
    const process = engine.process([cents], { metrics, attempts: 1 });
    await process.invoke({ operation: 'open', run, input: {} });
    engine.between = () => 'refuse';
    await expect(process.invoke(fail())).rejects.toMatchObject({ name: 'DatabaseUnavailable' });
    engine.between = () => 'pass';
    await process.invoke(fail());
    expect(runs()).toEqual([1, 0, 1]);
  });
});

describe('a slice', () => {
  it('tells what it did before it failed, and of no row what is in it', async () => {
    await engine.database.query(`UPDATE orders SET price = 'dear' WHERE id > 12`);
    const failing = engine.run([cents], { metrics });
    await expect(failing).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
    expect(sum('RowErrors')).toBe(4);
    expect(sum('RowsUpdated')).toBeGreaterThanOrEqual(10);
    const told = sent.flatMap((each) => Object.values(each).flat()).filter((value) => value !== undefined);
    expect(told.filter((value) => typeof value !== 'number')).toEqual([]);
  });

  it('counts the rows of a batch whose answer got lost, and failures of the database that were tried again', async () => {
    let batches = 0;
    engine.between = ({ sql: statement }) =>
      /UPDATE \S*orders/.test(statement) && [2, 4].includes(++batches) ? 'lose-answer' : 'pass';
    await engine.run([cents], { metrics, attempts: 1 });
    expect(sum('RowsUpdated')).toBe(rows);
    expect(sum('FailuresTriedAgain')).toBe(2);
  });

  it('says how many rows are left, and when that should end, with its rests', async () => {
    await engine.run([cents], { metrics });
    const left = values('RowsLeft');
    expect(left).toEqual(left.toSorted((a, b) => b - a));
    expect([left[0], left.at(-1)]).toEqual([rows - 10, 0]);
    // Ten rows in 5 s of rest, and three times as many left.
    expect(values('SecondsLeft')[0]).toBeGreaterThanOrEqual(15);
    expect(values('SecondsLeft').at(-1)).toBe(0);
  });
});
