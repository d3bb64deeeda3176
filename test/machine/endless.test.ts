import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 250;
let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'endless' });
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, in_one_lane integer NOT NULL DEFAULT 0, in_two_lanes integer NOT NULL DEFAULT 0);
    INSERT INTO counters SELECT n FROM generate_series(1, ${rows}) AS n`);
  chain.setTimeoutSeconds(3);
});
afterAll(() => chain.close());

test.each([
  ['in-one-lane', 'in_one_lane'],
  ['in-two-lanes', 'in_two_lanes'],
])(
  'promises 2 and 6: a transform that loops behind an await, where nothing can break it off, ends the Lambda, and is recorded, %s',
  async (name, column) => {
    const ended = await chain.run({ only: name });
    expect(ended.cause).toBeUndefined();
    expect(ended.result).toEqual({
      [name]: expect.objectContaining({ total_processed: rows, total_updated: rows - 3, errors: 3 }),
    });
    const recorded = await chain.database.query(
      'SELECT key, reason FROM data_migrations.row_errors WHERE migration = $1 ORDER BY key',
      [name],
    );
    const reason = 'transform did not come to an end, and the Lambda was ended with it';
    expect(recorded).toEqual(['107', '207', '7'].map((key) => ({ key: [key], reason })));
    const counts = await chain.database.query(
      `SELECT ${column} AS times, count(*)::int AS rows FROM counters GROUP BY 1 ORDER BY 1`,
    );
    expect(counts).toEqual([
      { times: 0, rows: 3 },
      { times: 1, rows: rows - 3 },
    ]);
  },
  // Each of the rows ends the Lambda twice, by its timeout.
  120_000,
);

test('promise 6: such a row stops no other one in a retry, and stays recorded', async () => {
  const name = 'in-one-lane';
  await chain.database.query(`UPDATE counters SET id = id + 1000 WHERE id = 7`);
  await chain.database.query(
    `UPDATE data_migrations.row_errors SET key = CASE key ->> 0 WHEN '107' THEN '["8"]' ELSE key END
      WHERE migration = $1`,
    [name],
  );
  const ended = await chain.run({ retry: name });
  expect(ended.cause).toBeUndefined();
  const recorded = await chain.database.query(
    'SELECT key FROM data_migrations.row_errors WHERE migration = $1',
    [name],
  );
  expect(recorded).toEqual([{ key: ['207'] }]);
}, 60_000);
