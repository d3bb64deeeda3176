import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Pending, Slice } from '../../../functions/contract.ts';
import { type BackfillOptions, backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { RowMigration } from '../../../functions/engine/define/registered.ts';
import { pause, unpause } from '../../../functions/engine/ledger/controls.ts';
import { defaultSlicesPerExecution as slicesPerExecution } from '../../../infra/deployment.ts';
import { type Calendar, calendarOf } from '../../support/calendar.ts';
import { type RunOptions, startEngine, type TestEngine } from '../../support/engine.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;
let calendar: Calendar;
beforeAll(async () => {
  engine = await startEngine({ between: 'nothing' });
  calendar = await calendarOf(engine);
  await engine.database.query('CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL)');
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await calendar.begin('2026-01-01T00:00:00Z');
});

/**
 * A migration of so many rows, which adds 1 to each: what is done twice shows. A row takes 40 s, which is close to what a statement may
 * take, so a batch has one.
 */
async function slowRows(
  rows: number,
  options: Pick<BackfillOptions, 'within' | 'window'> & { readonly restSeconds?: number } = {},
): Promise<RowMigration> {
  await engine.database.query(`
    TRUNCATE rows; INSERT INTO rows SELECT n, 0 FROM generate_series(1, ${rows}) AS n; ANALYZE rows`);
  const { restSeconds, ...when } = options;
  const pace = { maxRows: 1, ...(restSeconds !== undefined && { restSeconds }) };
  const set = { changed: sql`changed + 1` };
  const made = backfill({
    name: 'add-one',
    table: 'rows',
    key: 'id',
    immutableKey: true,
    set,
    pace,
    ...when,
  });
  return calendar.slow(rowsOf(made), 40);
}

/** Runs it in the background to its end, and checks that each row was changed once. */
async function run(
  migration: RowMigration,
  rows: number,
  after: RunOptions['after'] = calendar.rest,
): Promise<void> {
  const input = { background: migration.name };
  const result = await engine.run([migration], { input, slicesPerExecution, after });
  expect(result[migration.name]).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
  expect(await engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1')).toEqual([
    { changed: 1, rows },
  ]);
}

/** Of the run's first execution and of each of its parts. */
function expectFarFromTheLimit({ parts }: { readonly parts: number }): void {
  const executions = engine.executionsOfRun();
  expect(executions.map(({ status }) => status)).toEqual(Array(parts).fill('SUCCEEDED'));
  for (const { history } of executions) {
    // What a slice and a part take is what backoff.test.ts reckons with; opening, asking and closing take the rest.
    expect(history.events.length).toBeLessThanOrEqual(slicesPerExecution * 9 + (parts - 1) * 8 + 50);
    expect(history.events.length).toBeLessThan(5_000); // of 25,000
  }
}

describe('promise 9: so that it stays far from 25,000 events in every part', () => {
  test('a run is spread over the nights of 30 days, and in time', async () => {
    const rows = 350;
    const window = { from: '20:00', to: '08:00', timeZone: 'Europe/Berlin' };
    await run(await slowRows(rows, { within: 'P30D', window }), rows);
    expect(calendar.days).toBeGreaterThan(25); // a tenth is kept for what may come
    const [line] = await engine.database.query(`
      SELECT finished_at - started_at < interval '30 days' AS in_time, schedule ->> 'late_seconds' AS late,
        round(extract(epoch FROM (schedule ->> 'must_end_at')::timestamptz - started_at) / 86400, 3)::float8 AS days
      FROM data_migrations.migrations`);
    expect(line).toEqual({ in_time: true, late: '0', days: 30 });
    expectFarFromTheLimit({ parts: 2 });
  }, 120_000);

  test('a run is held outside its maintenance window for a year, but for a minute each night', async () => {
    const nights = 364;
    const window = { from: '02:00', to: '02:01', timeZone: 'Europe/Berlin' };
    // Two rows each night: the second one begins before the window closes.
    const rows = 2 * nights;
    await run(await slowRows(rows, { window, restSeconds: 0 }), rows);
    // On one night the clocks show no such time, on another they show it twice.
    expect(calendar.days).toBeGreaterThan(nights - 2);
    expect(calendar.days).toBeLessThan(nights + 2);
    expectFarFromTheLimit({ parts: 2 });
  }, 120_000);

  test('a run waits for two weeks until somebody ends a pause, with looks that are an hour apart at last', async () => {
    const rows = 3;
    const waits: number[] = [];
    await run(await slowRows(rows), rows, async (request, answer) => {
      if (request.operation === 'open' && request.run.part === 1) {
        await pause(engine.dataApi(), 'add-one', 'ada', 'the shop is full');
      }
      await calendar.rest(request, answer);
      if (request.operation === 'pending' && (answer as Pending).state === 'wait') {
        waits.push((answer as Slice).rest_seconds);
      }
      if (calendar.days > 14) {
        await unpause(engine.dataApi(), 'add-one', 'ada');
      }
    });
    expect(waits.slice(0, 4)).toEqual([10, 10, 10, 10]);
    expect(waits.slice(-300)).toEqual(Array(300).fill(3_600));
    expectFarFromTheLimit({ parts: 2 });
  }, 120_000);
});
