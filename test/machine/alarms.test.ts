import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { alarmNames } from '../../infra/operations/alarm-names.ts';
import type { Datapoint } from '../../local/cloudwatch/datapoint.ts';
import { type DatabaseClock, databaseClock } from '../../local/postgres/database-clock.ts';
import { untilLockWait } from '../support/lock-waits.ts';
import { type Looks, looksAt } from '../support/looks.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// What goes off by the watcher alone is in watcher.test.ts.

const rows = 30;
let chain: TestRuntime;
let clock: DatabaseClock;
let looks: Looks;

beforeAll(async () => {
  chain = await startTestRuntime({
    fixture: 'operations',
    context: { maxConnections: '800' },
    secondMs: 1,
    environment: { POWERTOOLS_METRICS_DISABLED: 'false' },
  });
  clock = await databaseClock(chain.database);
  await chain.database.query(
    `CREATE TABLE public.counters (
       id integer PRIMARY KEY, value integer NOT NULL DEFAULT 0, label text, night boolean, number_text text, number integer)`,
  );
});
afterAll(() => chain.close());
beforeEach(async () => {
  await chain.reset();
  await chain.database.query('TRUNCATE counters');
  await chain.database.query(
    `INSERT INTO counters (id, number_text) SELECT n, n FROM generate_series(1, ${rows}) AS n`,
  );
  looks = looksAt(chain);
});

const only = (migration: string) => chain.run({ only: migration });

test('No alarm goes off on runs that are well, nor on a start that is refused', async () => {
  for (const migration of ['labels', 'numbers', 'checked']) {
    expect(await only(migration)).toMatchObject({ status: 'SUCCEEDED' });
  }
  expect(await only('no-such')).toMatchObject({ status: 'FAILED', error: 'InvalidInput' });
  expect(await looks.goingOff()).toEqual([]);
  looks.fiveMinutesLater();
  expect(await looks.goingOff()).toEqual([]);
});

describe('An alarm goes off', () => {
  test('on a run that fails, once', async () => {
    expect(await only('wrong')).toMatchObject({ status: 'FAILED', error: 'MigrationFailed' });
    expect(await looks.goingOff()).toEqual(['run-failed']);
    const failed = looks.cloudwatch.datapoints.filter(({ name }) => name === 'RunsFailed');
    expect(failed.flatMap(({ values }) => values)).toEqual([1]);
    looks.fiveMinutesLater();
    expect(await looks.goingOff()).toEqual([]);
  });

  test('on ten rows that cannot be migrated, and not on nine', async () => {
    await chain.database.query(`UPDATE counters SET number_text = 'many' WHERE id <= 9`);
    await only('numbers');
    expect(await looks.goingOff()).toEqual([]);
    await chain.database.query(`UPDATE counters SET number = NULL, number_text = 'many' WHERE id = 10`);
    await only('numbers');
    expect(await looks.goingOff()).toEqual(['row-errors']);
  });

  test('on rows that do not meet a validation', async () => {
    await chain.database.query(`UPDATE counters SET label = 'much too long' WHERE id = 7`);
    expect(await only('checked')).toMatchObject({ status: 'SUCCEEDED' });
    expect(await looks.goingOff()).toEqual(['validation-failed']);
  });

  test('on batches that keep rows locked for long, unless it is for a moment', async () => {
    await chain.database.query('DELETE FROM counters WHERE id > 5');
    await only('slow');
    expect(await looks.goingOff()).toEqual([]);
    looks.fiveMinutesLater();
    await chain.database.query('TRUNCATE data_migrations.migrations CASCADE');
    await only('slow');
    expect(await looks.goingOff()).toEqual(['batches-slow']);
  });

  test('on a migration that will end too late', async () => {
    await chain.database.query('DELETE FROM counters WHERE id > 15');
    const late = async () => {
      let slices = 0;
      chain.between.invocation = async (request, invoke) => {
        const outcome = await invoke();
        if (request.operation === 'batches' && ++slices === 1) {
          const hoursAgo = `started_at = started_at - interval '2 hours'`;
          await chain.database.query(
            `UPDATE data_migrations.migrations SET ${hoursAgo} WHERE name = 'in-an-hour'`,
          );
        }
        return outcome;
      };
      expect(await only('in-an-hour')).toMatchObject({ status: 'SUCCEEDED' });
      expect(slices).toBeGreaterThan(1);
    };
    await late();
    expect(await looks.goingOff()).toEqual([]);
    looks.fiveMinutesLater();
    await chain.database.query('TRUNCATE data_migrations.migrations CASCADE');
    await late();
    expect(await looks.goingOff()).toEqual(['late']);
  });

  test('on a migration that is held for half an hour, which has not stalled', async () => {
    const { pool } = chain.database;
    const [holder, waiter] = [await pool.connect(), await pool.connect()];
    await holder.query('BEGIN; UPDATE counters SET value = value WHERE id = 7');
    const waiting = waiter.query('BEGIN; UPDATE counters SET value = value WHERE id = 7');
    await untilLockWait(chain.database, 1);
    let rested = 0;
    let goOn = () => {};
    const later = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const atMost = (seconds: number) =>
      expect.poll(() => rested, { timeout: 20_000 }).toBeGreaterThan(seconds);
    chain.between.invocation = async (_, invoke) => {
      if (rested > 1_000) {
        await later;
      }
      const outcome = await invoke();
      const { rest_seconds: seconds = 0 } =
        outcome.status === 'succeeded' ? (outcome.payload as { rest_seconds?: number }) : {};
      await clock.forward(seconds);
      rested += seconds;
      return outcome;
    };
    await chain.start({ only: 'labels' });
    await atMost(1_000);
    expect(await looks.goingOff()).toEqual([]);
    goOn();
    await atMost(2_300);
    expect(await looks.goingOff()).toEqual(['held']);
    await chain.reset();
    await holder.query('ROLLBACK');
    await waiting;
    await waiter.query('ROLLBACK');
    holder.release();
    waiter.release();
  });

  test.each([
    ['database-at-capacity', 'ACUUtilization', 'Percent', 95],
    ['database-connections', 'DatabaseConnections', 'Count', 700],
  ])(
    '%s: on a database that is near its limit for a quarter of an hour',
    async (alarm, name, unit, value) => {
      const { dimensions = {} } = chain.alarms.find(({ metric }) => metric === name) ?? {};
      const put = (minutesAgo: number): void => {
        const at = Date.now() - minutesAgo * 60_000;
        const datapoint: Datapoint = { namespace: 'AWS/RDS', name, dimensions, unit, at, values: [value] };
        looks.cloudwatch.put(datapoint);
      };
      put(12);
      put(7);
      expect(await looks.goingOff()).toEqual([]);
      put(2);
      expect(await looks.goingOff()).toEqual([alarm]);
      expect(dimensions).toMatchObject({
        Role: 'WRITER',
        DBClusterIdentifier: 'laptop',
      });
    },
  );
});

test('Every alarm says what it means, and where to read what to do', () => {
  expect(chain.alarms.map(({ name }) => name).toSorted()).toEqual(
    alarmNames.map((name) => `data-migrations-${name}`).toSorted(),
  );
  for (const { name, description } of chain.alarms) {
    const section = name.replace('data-migrations-', '');
    expect(description).toMatch(new RegExp(`^[A-Z\\d].*\\. What to do: docs/runbook\\.md#${section}$`));
  }
});
