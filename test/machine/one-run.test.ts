import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, ProxiedCall } from '../support/fault-proxy.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'counter' });
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL, in_code integer NOT NULL)`);
});
afterAll(() => chain.close());

beforeEach(async () => {
  await chain.reset();
  await refill();
});

async function refill(): Promise<void> {
  await chain.database.query('TRUNCATE counters');
  await chain.database.query('INSERT INTO counters SELECT n, 0, 0 FROM generate_series(1, $1::int) AS n', [
    rows,
  ]);
}

const counters = () =>
  chain.database.query(
    'SELECT in_sql, in_code, count(*)::int AS rows FROM counters GROUP BY 1, 2 ORDER BY 1, 2',
  );
const done = [{ in_sql: 1, in_code: 1, rows }];
const ledger = () => chain.database.query('SELECT * FROM data_migrations.migrations ORDER BY name');

/** Keeps the first call that matches from arriving until it is let go. */
function hold(matching: RegExp, nth = 1): { readonly held: Promise<ProxiedCall>; letGo(): void } {
  let found = 0;
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const held = new Promise<ProxiedCall>((resolve) => {
    chain.between.call = async (call): Promise<Fault> => {
      if (!matching.test(call.body)) {
        return 'pass';
      }
      found += 1;
      if (found !== nth) {
        return 'pass';
      }
      resolve(call);
      await released;
      return 'pass';
    };
  });
  return { held, letGo };
}
const write = /UPDATE \S*counters/;

describe('promise 4: one run at a time', () => {
  test('of several starts at once, on a database without a ledger, one runs and the others fail naming it', async () => {
    await chain.database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE');
    const { held, letGo } = hold(write);
    const started = await Promise.all([chain.start(), chain.start(), chain.start(), chain.start()]);
    await held;
    const refused = await Promise.race(
      started.map(async (one) => {
        const others = await Promise.all(started.filter((other) => other !== one).map(chain.ended));
        return { holder: one, others };
      }),
    );
    letGo();
    for (const { status, error, cause } of refused.others) {
      expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationsAlreadyRunning' });
      expect(cause).toBe(
        `the run ${refused.holder} holds the ledger and is still running. Wait until it has ended, or stop it, and start again`,
      );
    }
    expect((await chain.ended(refused.holder)).status).toBe('SUCCEEDED');
    expect(await counters()).toEqual(done);
  });

  test('a refused start leaves the run that it met alone', async () => {
    const { held, letGo } = hold(write, 2);
    const first = await chain.start();
    await held;
    const before = await ledger();
    expect((await chain.run()).error).toBe('MigrationsAlreadyRunning');
    expect(await ledger()).toEqual(before);
    expect(await chain.database.query('SELECT execution_arn, status FROM data_migrations.runs')).toEqual([
      { execution_arn: first, status: 'running' },
    ]);
    letGo();
    expect((await chain.ended(first)).status).toBe('SUCCEEDED');
  });

  // One for each way in which an invocation writes.
  test.each([
    ['enters itself', /INSERT INTO data_migrations\.runs/],
    ['forgets what an earlier run has finished', /DELETE FROM data_migrations\.migrations/],
    ['enters a migration', /INSERT INTO data_migrations\.migrations/],
    ['claims a slice', /gen_random_uuid/],
    ['writes a batch', write],
    ['finishes a migration', /INSERT INTO data_migrations\.follow_ups/],
    ['closes', /status = 'succeeded'/],
  ])(
    'a statement with which a stopped run %s changes nothing after another has taken over',
    async (_, statement) => {
      const { held, letGo } = hold(statement);
      const invocations: Promise<unknown>[] = [];
      chain.between.invocation = (_, invoke) => {
        const outcome = invoke();
        invocations.push(outcome);
        return outcome;
      };
      const first = await chain.start();
      await held;
      await chain.stop(first);
      expect((await chain.run()).status).toBe('SUCCEEDED');
      const before = await ledger();
      letGo();
      await Promise.all(invocations); // the stopped run's too, which goes on with whatever it was doing
      expect(await ledger()).toEqual(before);
      expect(await counters()).toEqual(done);
      expect((await chain.run()).result).toEqual({
        'add-one-in-sql': 'skipped',
        'add-one-in-code': 'skipped',
      });
      expect(await counters()).toEqual(done);
    },
  );
});

test('promise 5: a start after a stop skips what was finished and goes on from the checkpoint', async () => {
  const { held } = hold(/UPDATE \S*counters[^;]*in_code/, 2);
  const first = await chain.start();
  await held;
  await chain.stop(first);
  const [inCode] = await ledger();
  expect(inCode).toMatchObject({ name: 'add-one-in-code', total_processed: '10' });
  await chain.crash();

  let writes = 0;
  chain.between.call = ({ body }) => {
    if (write.test(body)) {
      writes += 1;
    }
    return 'pass';
  };
  const { status, result } = await chain.run();
  expect({ status, result }).toEqual({
    status: 'SUCCEEDED',
    result: {
      'add-one-in-sql': 'skipped',
      'add-one-in-code': expect.objectContaining({ total_processed: rows, total_updated: rows }),
    },
  });
  expect(writes).toBe(2);
  expect(await counters()).toEqual(done);
});

test('a database that wakes up in the middle of a run is waited for', async () => {
  let paused = false;
  chain.between.call = ({ body }) => {
    if (!paused && write.test(body)) {
      paused = true;
      chain.rdsData.pause({ resumeSeconds: 1 });
    }
    return 'pass';
  };
  const ended = await chain.run();
  expect(paused).toBe(true);
  expect(ended.status).toBe('SUCCEEDED');
  expect(await failures(ended.executionArn)).toEqual([]); // a slice waits by itself
  expect(await counters()).toEqual(done);
});

test('a database that is gone for a while is tried again by the machine, wherever the run is', async () => {
  const gone = new Set<string>();
  let back = 0;
  chain.between.invocation = (request, invoke) => {
    if (!gone.has(request.operation)) {
      gone.add(request.operation);
      back = performance.now() + 700;
    }
    return invoke();
  };
  chain.between.call = () => (performance.now() < back ? 'refuse' : 'pass');
  const ended = await chain.run();
  expect(ended.status).toBe('SUCCEEDED');
  expect(gone).toEqual(new Set(['open', 'pending', 'batches', 'close']));
  expect(new Set(await failures(ended.executionArn))).toEqual(new Set(['DatabaseUnavailable']));
  expect(await counters()).toEqual(done);
});

/** The errors of the tasks that failed, though the run may have gone on. */
async function failures(execution: string | undefined): Promise<(string | undefined)[]> {
  const events = await chain.history(execution as string);
  return events.flatMap(({ taskFailedEventDetails: failed }) => (failed ? [failed.error] : []));
}

test('promise 10: a run keeps the code that it started with when a new version is deployed in the middle', async () => {
  const { held, letGo } = hold(write);
  const first = await chain.start();
  await held;
  chain.release('counter-next', '2');
  // Not even a worker of the old version is left: the next one loads its code again.
  await chain.crash();
  letGo();
  expect((await chain.ended(first)).status).toBe('SUCCEEDED');
  expect(await counters()).toEqual(done);

  await chain.database.query('DROP SCHEMA data_migrations CASCADE');
  await refill();
  expect((await chain.run()).result).toEqual({
    'add-one-in-sql': expect.objectContaining({ total_updated: rows }),
  });
  expect(await counters()).toEqual([{ in_sql: 100, in_code: 0, rows }]);
});
