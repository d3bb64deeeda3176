import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { executionName } from '../../functions/engine/ledger/execution-names.ts';
import { demoSql, rebuildJob } from '../support/demo.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
const anyNumber = expect.any(Number) as number;
let chain: TestRuntime;
/** The rebuilds there were before the test. */
let earlier = 0;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'release', secondMs: 2 });
  await chain.database.query(await demoSql('schema'));
  await chain.database.query(`
    CREATE TABLE products (
      id integer PRIMARY KEY, price_text text NOT NULL, price numeric CHECK (price >= 0), label text NOT NULL)`);
});
afterAll(() => chain.close());

beforeEach(async () => {
  await chain.reset();
  await chain.database.query(
    'TRUNCATE products; TRUNCATE employee_events, employee_projection RESTART IDENTITY',
  );
  await chain.database.query(
    `INSERT INTO products SELECT n, n || '.50', NULL, 'label ' || n FROM generate_series(1, $1::int) AS n`,
    [rows],
  );
  await chain.database.query(`
    INSERT INTO employee_events (employee_id, type, payload, occurred_at)
    SELECT md5('employee ' || n)::uuid, type, convert_to(payload::text, 'UTF8'), now()
    FROM generate_series(1, 10) AS n, (VALUES
      ('hired', '{"name": "Ada", "title": "Engineer", "office": "Berlin", "on": "2020-01-01"}'::json),
      ('moved', '{"office": "Lisbon", "on": "2021-01-01"}')) AS events (type, payload)
    ORDER BY type, n`);
  earlier = (await chain.executions(chain.rebuildMachineArn)).length;
});

/** Rebuilds of this test that have been started, all ended. */
async function rebuilds() {
  const all = await chain.executions(chain.rebuildMachineArn);
  return Promise.all(all.slice(earlier).map((arn) => chain.ended(arn)));
}

const spoil = (...ids: number[]) =>
  chain.database.query(`UPDATE products SET price_text = 'dear' WHERE id = ANY ($1::int[])`, [ids]);
const correct = () => chain.database.query(`UPDATE products SET price_text = '1' WHERE price_text = 'dear'`);

const counted = (count: number, errors = 0) => ({
  total_processed: count,
  total_updated: count - errors,
  errors,
  duration_seconds: anyNumber,
});

describe('promise 6: a bad row', () => {
  test('stops no other row, and the result says how many there are, which, and why', async () => {
    await chain.database.query(`UPDATE products SET price_text = 'dear' WHERE id = 7`);
    await chain.database.query(`UPDATE products SET price_text = '-5' WHERE id = 19`);
    await chain.database.query(`UPDATE products SET label = 'unreadable' WHERE id = 30`);
    await chain.database.query(`UPDATE products SET label = 'endless' WHERE id = 17`);
    const { status, result } = await chain.run();
    expect({ status, result }).toEqual({
      status: 'SUCCEEDED',
      result: {
        'employee-event-payloads': counted(20),
        prices: {
          ...counted(rows, 2),
          error_samples: [
            { key: '7', reason: expect.stringContaining('"dear"'), sqlstate: '22P02' },
            { key: '19', reason: expect.stringContaining('products_price_check'), sqlstate: '23514' },
          ],
        },
        labels: {
          ...counted(rows, 2),
          error_samples: [
            { key: '17', reason: 'transform took longer than 0.2 s, its "transformTimeout"', sqlstate: null },
            { key: '30', reason: 'no such label: unreadable', sqlstate: null },
          ],
        },
        next_jobs: [rebuildJob],
        next_executions: [expect.stringContaining(`:execution:${rebuildJob}:`)],
      },
    });
    const bad = await chain.database.query(`
      SELECT id FROM products WHERE price IS DISTINCT FROM (id || '.50')::numeric OR label <> 'new:label ' || id ORDER BY id`);
    expect(bad).toEqual([{ id: 7 }, { id: 17 }, { id: 19 }, { id: 30 }]);
  });

  test('beyond the budget fails the run, which names the migration, the batch, an example and what to do', async () => {
    await spoil(3, 4, 13, 14, 25);
    const { status, error, cause } = await chain.run();
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'ErrorBudgetSpent' });
    expect(cause).toMatch(/^migration "prices", batch \d+ after key \(10\): 4 rows could not be migrated/);
    expect(cause).toContain('its errorBudget is 3');
    expect(cause).toContain('key (3): ERROR: invalid input syntax for type numeric: "dear"');
    expect(cause).toContain('Correct the rows or the migration, or allow more, and start the machine again');
  });
});

describe('promise 7: the follow-up job', () => {
  test('is not started by a run that fails in the middle, and is by the one that goes on, once and after it', async () => {
    await spoil(11, 12, 13, 14);
    const failed = await chain.run();
    expect(failed.error).toBe('ErrorBudgetSpent');
    expect(await chain.database.query(`SELECT id FROM products WHERE label LIKE 'new:%'`)).toEqual([]);
    expect(await rebuilds()).toEqual([]);

    await correct();
    const { status, executionArn: run, stopDate, result } = await chain.run();
    expect({ status, result }).toEqual({
      status: 'SUCCEEDED',
      result: {
        'employee-event-payloads': 'skipped',
        prices: counted(rows),
        labels: counted(rows),
        next_jobs: [rebuildJob],
        next_executions: [expect.stringContaining(`:execution:${rebuildJob}:`)],
      },
    });
    const [rebuild, ...others] = await rebuilds();
    expect(others).toEqual([]);
    expect(rebuild).toMatchObject({
      status: 'SUCCEEDED',
      name: executionName(run as string),
      input: JSON.stringify({ AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: run }),
      result: { events: 20, projections: 10 },
    });
    const history = await chain.history(rebuild?.executionArn as string);
    const prepared = history.find(
      ({ stateEnteredEventDetails: entered }) => entered?.name === 'Prepare rebuild',
    );
    expect(Number(prepared?.timestamp)).toBeGreaterThanOrEqual(Number(stopDate));

    expect((await chain.run()).result).toEqual({
      'employee-event-payloads': 'skipped',
      prices: 'skipped',
      labels: 'skipped',
    });
    expect(await rebuilds()).toHaveLength(1);
  });

  /** Stops the run when it has closed in the ledger, and has not started anything yet. */
  async function stoppedAfterClose(): Promise<string> {
    const run = await chain.start();
    chain.between.invocation = async (request, invoke) => {
      const answer = await invoke();
      if (request.operation === 'close') {
        await chain.stop(run);
      }
      return answer;
    };
    expect((await chain.ended(run)).status).toBe('ABORTED');
    expect(await rebuilds()).toEqual([]);
    chain.between.invocation = undefined;
    return run;
  }

  test('of a run that is stopped between its end and the start of the job is started by its redrive', async () => {
    const run = await stoppedAfterClose();
    await chain.redrive(run);
    expect(await chain.ended(run)).toMatchObject({
      status: 'SUCCEEDED',
      result: { next_jobs: [rebuildJob] },
    });
    expect(await rebuilds()).toMatchObject([{ status: 'SUCCEEDED', name: executionName(run) }]);
  });

  test('of a run that is stopped between its end and the start of the job is started by the next run', async () => {
    await stoppedAfterClose();
    expect(await chain.run({ validate: 'prices' })).toMatchObject({ status: 'SUCCEEDED' });
    expect(await rebuilds(), 'a run that only looks starts nothing').toEqual([]);
    const next = await chain.run();
    expect(next).toMatchObject({
      status: 'SUCCEEDED',
      result: { prices: 'skipped', next_jobs: [rebuildJob] },
    });
    expect(await rebuilds()).toMatchObject([{ status: 'SUCCEEDED', name: next.name }]);
  });

  test('that was started by a run which then did not succeed rebuilds nothing, and the next run starts another', async () => {
    const run = await stoppedAfterClose();
    const startedBy = { AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: run };
    await chain.start(startedBy, chain.rebuildMachineArn, executionName(run));
    const [rebuild] = await rebuilds();
    expect(rebuild).toMatchObject({ status: 'FAILED', error: 'RunDidNotSucceed' });
    expect(rebuild?.cause).toContain(
      `the run that started this rebuild, ${run}, ended ABORTED. Start the migrations again`,
    );
    expect(await chain.database.query('SELECT * FROM employee_projection')).toEqual([]);

    expect((await chain.run()).result).toMatchObject({ next_jobs: [rebuildJob] });
    expect(await rebuilds()).toMatchObject([{ status: 'FAILED' }, { status: 'SUCCEEDED' }]);
  });

  test('waits for as long as the run that started it takes', async () => {
    await chain.database.query('TRUNCATE employee_events'); // so that the run starts none of its own
    let letGo = () => {};
    const released = new Promise<'pass'>((resolve) => {
      letGo = () => resolve('pass');
    });
    chain.between.call = ({ body }) => (/UPDATE \S*products/.test(body) ? released : 'pass');
    const run = await chain.start();
    const rebuild = await chain.start(
      { AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: run },
      chain.rebuildMachineArn,
    );
    await sleep(300);
    const states = (await chain.history(rebuild)).map((event) => event.stateEnteredEventDetails?.name);
    expect(states.filter((name) => name === 'Wait for the run').length).toBeGreaterThan(2);
    expect(states).not.toContain('Prepare rebuild');
    letGo();
    expect((await chain.ended(run)).status).toBe('SUCCEEDED');
    expect((await chain.ended(rebuild)).status).toBe('SUCCEEDED');
  });

  test.each([{}, { Comment: 'Insert your JSON here' }])(
    'rebuilds at once when started by hand with %j',
    async (input) => {
      await chain.database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE'); // it needs no run before it
      const rebuild = await chain.ended(await chain.start(input, chain.rebuildMachineArn));
      expect(rebuild).toMatchObject({ status: 'SUCCEEDED', result: { events: 20, projections: 10 } });
      const [row] = await chain.database.query('SELECT office, events FROM employee_projection LIMIT 1');
      expect(row).toEqual({ office: 'Lisbon', events: 2 });
    },
  );

  test('that fails is named in its own execution, and the next run starts it again', async () => {
    await chain.database.query('DELETE FROM employee_events WHERE position = 1');
    expect((await chain.run()).status).toBe('SUCCEEDED');
    const [failed] = await rebuilds();
    expect(failed).toMatchObject({ status: 'FAILED', error: 'MigrationFailed' });
    expect(failed?.cause).toContain('the event at position');
    await chain.database.query(`DELETE FROM employee_events WHERE employee_id = md5('employee 1')::uuid`);
    expect((await chain.run()).result).toMatchObject({ next_jobs: [rebuildJob] });
    expect(await rebuilds()).toMatchObject([{ status: 'FAILED' }, { status: 'SUCCEEDED' }]);
  });
});

const allowed =
  '{} runs all that is pending; "mode": "foreground" skips rests and windows, "force": true ignores pressure, "batch_size" ' +
  'is the most rows in a batch, "lanes" how many statements are at work at once, from 1 to 16, and one of "only", "background", "retry", "validate", "restore", "cleanup" names one migration; ' +
  'beside "only", "thorough": true looks at every row of a finished one again';

describe('a start', () => {
  test.each([
    [{ size: 500 }, 'has a key that is not known: "size"'],
    [{ background: 5 }, 'key "background" is wrong: expected string, got 5'],
    [{ mode: 'fast' }, 'key "mode" is wrong: expected ("background" | "foreground"), got "fast"'],
    [{ batch_size: 0.5 }, 'key "batch_size" is wrong: expected a whole number, got 0.5'],
    [{ batch_size: 0 }, 'key "batch_size" is wrong: expected >=1, got 0'],
    [{ lanes: 17 }, 'key "lanes" is wrong: expected <=16, got 17'],
    [{ only: 'prices', retry: 'labels' }, 'has "only" and "retry"'],
    [
      { only: 'price' },
      'key "only": no migration is called "price"; registered are: employee-event-payloads, prices, labels',
    ],
    [['users'], 'as a whole is wrong: expected an object, got Array'],
    [[], 'as a whole is wrong: expected an object, got Array'],
    ['all of it', 'as a whole is wrong: expected an object, got "all of it"'],
    [null, 'as a whole is wrong: expected an object, got null'],
  ])(
    'with the input %j fails at once and says what was wrong, what was got and what is allowed',
    async (input, problem) => {
      const { status, error, cause } = await chain.run(input);
      expect({ status, error, cause }).toEqual({
        status: 'FAILED',
        error: 'InvalidInput',
        cause: `the input ${problem}. ${allowed}`,
      });
      expect(await chain.database.query('SELECT id FROM products WHERE price IS NOT NULL')).toEqual([]);
    },
  );

  test('with what the console offers runs everything', async () => {
    const { result } = await chain.run({ Comment: 'Insert your JSON here' });
    expect(result).toMatchObject({ prices: counted(rows), labels: counted(rows) });
  });

  test('of one migration runs that one, with what follows it, and leaves the others alone', async () => {
    const { status, result } = await chain.run({ only: 'prices', batch_size: 7, mode: 'foreground' });
    expect({ status, result }).toEqual({ status: 'SUCCEEDED', result: { prices: counted(rows) } });
    const [row] = await chain.database.query<{ batches: number }>(
      `SELECT batches::int FROM data_migrations.migrations WHERE name = 'prices'`,
    );
    expect(row?.batches).toBeGreaterThan(rows / 7);
    expect((await chain.run()).result).toMatchObject({ prices: 'skipped', labels: counted(rows) });
  });

  test('on a table that a migration does not fit fails with the migration, the batch, the SQL error and its place', async () => {
    await chain.database.query('ALTER TABLE products RENAME price_text TO price_in_words');
    try {
      const { status, error, cause } = await chain.run();
      expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationFailed' });
      expect(cause).toMatch(
        /^migration "prices", batch 1 at the first key: ERROR: column "price_text" does not exist; in set\.price:\n[^\n]*price_text[^\n]*\n *\^\nSQLState: 42703/,
      );
      expect(cause).toContain('Correct the migration or its table, deploy, and start the machine again');
      expect(await chain.database.query('SELECT status, failure FROM data_migrations.runs')).toEqual([
        { status: 'failed', failure: `MigrationFailed: ${cause}` },
      ]);
    } finally {
      await chain.database.query('ALTER TABLE products RENAME price_in_words TO price_text');
    }
    expect((await chain.run()).result).toMatchObject({
      'employee-event-payloads': 'skipped',
      prices: counted(rows),
    });
  });

  test('on a database that stays away fails after many tries, and shows that although it cannot be recorded', async () => {
    chain.between.call = () => 'refuse';
    const { status, error, cause } = await chain.run();
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'DatabaseUnavailable' });
    expect(cause).toContain('The database did not serve us; start again later');
    chain.between.call = undefined;
    expect((await chain.run()).status).toBe('SUCCEEDED');
  });

  test('of migrations that declare an unknown follow-up job fails before it touches anything', async () => {
    chain.release('unknown-job', '2');
    const { status, error, cause } = await chain.run();
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationFailed' });
    expect(cause).toBe(
      `migration "prices" declares send-newsletter, which is not deployed; deployed are: ${rebuildJob}. Add it to ` +
        'followUps in the stack, or correct the name',
    );
    expect(await chain.database.query('SELECT id FROM products WHERE price IS NOT NULL')).toEqual([]);
  });
});
