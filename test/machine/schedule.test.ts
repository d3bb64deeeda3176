import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ThrottlePlan } from '../../functions/engine/schedule/throttle.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'schedule', secondMs: 2 });
  await chain.database.query('CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL)');
});
afterAll(() => chain.close());
beforeEach(async () => {
  await chain.reset();
  await chain.database.query('TRUNCATE counters');
  await chain.database.query('INSERT INTO counters SELECT n, 0 FROM generate_series(1, $1::int) AS n', [
    rows,
  ]);
});

/** How often rows were changed: `[[changes, rows]]`. */
const changes = async () =>
  (await chain.database.query('SELECT value, count(*)::int AS rows FROM counters GROUP BY 1 ORDER BY 1')).map(
    ({ value, rows: count }) => [value, count],
  );

interface Line {
  readonly schedule: ThrottlePlan | null;
  readonly resting: { readonly until: string; readonly reason: string } | null;
}
const line = async (): Promise<Line | undefined> =>
  (await chain.database.query<Line & object>('SELECT schedule, resting FROM data_migrations.migrations'))[0];

/** The seconds of every rest in an execution. */
async function rests(execution: string): Promise<number[]> {
  const history = await chain.history(execution);
  return history
    .filter(({ stateEnteredEventDetails: entered }) => entered?.name === 'Rest')
    .map(({ stateEnteredEventDetails: entered }) => JSON.parse(entered?.input ?? '{}').rest_seconds);
}

test('A run rests until the maintenance window opens, and another in the foreground does not wait for it', async () => {
  const waiting = await chain.start({ only: 'in-a-window' });
  await expect.poll(async () => (await rests(waiting)).length, { timeout: 40_000 }).toBe(1);
  const [seconds = 0] = await rests(waiting);
  expect(seconds).toBeGreaterThan(1.9 * 3_600);
  expect(seconds).toBeLessThanOrEqual(2 * 3_600);
  const resting = (await line())?.resting;
  expect(resting?.reason).toMatch(/^outside the maintenance window \d\d:\d\d–\d\d:\d\d UTC$/);
  expect((Date.parse(resting?.until ?? '') - Date.now()) / 1_000).toBeGreaterThan(seconds - 60);
  expect(await changes()).toEqual([[0, rows]]);
  await chain.stop(waiting);

  const { status, result, executionArn = '' } = await chain.run({ only: 'in-a-window', mode: 'foreground' });
  expect({ status, result }).toMatchObject({
    status: 'SUCCEEDED',
    result: { 'in-a-window': { total_updated: rows } },
  });
  expect(await rests(executionArn)).toEqual([]);
  expect(await line()).toMatchObject({ resting: null, schedule: { rest_seconds: 0, late_seconds: 0 } });
  expect(await changes()).toEqual([[1, rows]]);
});

test('A run fails with the arithmetic, and nothing changed, when a migration cannot be done in its time', async () => {
  const { status, error, cause } = await chain.run({ only: 'too-short' });
  expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationFailed' });
  expect(cause).toMatch(
    /^migration "too-short": 30 rows at .* until .* \(within 0.001 seconds\) there are .* it cannot be done in time/,
  );
  expect(await changes()).toEqual([[0, rows]]);
});

test('A run rests after each batch for as long as the time of the migration allows', async () => {
  const { status, executionArn = '' } = await chain.run({ only: 'spread' });
  expect(status).toBe('SUCCEEDED');
  const taken = await rests(executionArn);
  // 99 times as long as the batches, of which a row takes 6 ms and more; those of the last one are never rested.
  expect(taken.length).toBeGreaterThanOrEqual(2);
  for (const seconds of taken) {
    expect(seconds).toBeGreaterThanOrEqual(5);
  }
  expect(await changes()).toEqual([[1, rows]]);
});
