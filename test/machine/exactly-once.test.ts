import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { ProxiedCall } from '../support/fault-proxy.ts';
import { type Ended, startTestRuntime, type TestRuntime } from '../support/runtime.ts';

// Each of these is some hundred runs.
vi.setConfig({ testTimeout: 240_000 });
const rows = 20;
let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'counter' });
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL, in_code integer NOT NULL)`);
});
afterAll(() => chain.close());

beforeEach(() => begin());

async function begin(): Promise<void> {
  await chain.reset();
  await chain.database.query('TRUNCATE counters');
  await chain.database.query('INSERT INTO counters SELECT n, 0, 0 FROM generate_series(1, $1::int) AS n', [
    rows,
  ]);
}

/** Every row at 1, and the result map right to the row. */
async function expectOnce({ status, cause, result }: Ended): Promise<void> {
  expect({ status, cause }).toEqual({ status: 'SUCCEEDED', cause: undefined });
  const all = { total_processed: rows, total_updated: rows, errors: 0, duration_seconds: expect.any(Number) };
  expect(result).toEqual({ 'add-one-in-sql': all, 'add-one-in-code': all });
  await expectEachAt1();
}

async function expectEachAt1(): Promise<void> {
  const found = await chain.database.query(
    'SELECT in_sql, in_code, count(*)::int AS rows FROM counters GROUP BY 1, 2 ORDER BY 1, 2',
  );
  expect(found).toEqual([{ in_sql: 1, in_code: 1, rows }]);
}

test('promise 2: rows change once although the worker dies after each single call to the database', async () => {
  await expectOnce(await chain.run());
  let deaths = 0;
  // A state survives two deaths of its Lambda, so that each run shows two more moments of every state.
  for (let after = 1, before = -1; deaths > before; after += 2) {
    before = deaths;
    await begin();
    let attempts = 0;
    let left = Number.POSITIVE_INFINITY;
    let state = '';
    chain.between.invocation = (request, invoke) => {
      attempts = state === JSON.stringify(request) ? attempts + 1 : 0;
      state = JSON.stringify(request);
      left = [after, after + 1][attempts] ?? Number.POSITIVE_INFINITY;
      return invoke();
    };
    chain.between.call = async (call) => {
      left -= 1;
      if (left > 0) {
        return 'pass';
      }
      left = Number.POSITIVE_INFINITY;
      await chain.forward(call);
      await chain.crash();
      deaths += 1;
      return 'refuse';
    };
    await expectOnce(await chain.run());
  }
  expect(deaths).toBeGreaterThan(30);
});

test('promise 2: rows change once although the run is stopped at each call of each state and started again', async () => {
  await interrupted(async (execution) => {
    await chain.stop(execution);
    return chain.start();
  }, expectEachAt1);
});

test('promise 2: rows change once although the run is stopped at each call of each state and redriven', async () => {
  await interrupted(async (execution) => {
    await chain.stop(execution);
    await chain.redrive(execution);
    return execution;
  }, expectOnce);
});

/** In run after run, interrupts each state once, one call later than in the run before. That call arrives afterwards. */
async function interrupted(
  interrupt: (execution: string) => Promise<string>,
  check: (ended: Ended) => Promise<void>,
): Promise<void> {
  let interruptions = 0;
  for (let at = 1, before = -1; interruptions > before; at += 1) {
    before = interruptions;
    await begin();
    const states = new Set<string>();
    let left = 0;
    chain.between.invocation = (request, invoke) => {
      const state = `${request.operation} ${'migration' in request && request.migration}`;
      left = states.has(state) ? 0 : at;
      states.add(state);
      return invoke();
    };
    let execution = await chain.start();
    chain.between.call = async () => {
      left -= 1;
      if (left !== 0) {
        return 'pass';
      }
      interruptions += 1;
      execution = await interrupt(execution);
      return { delayMs: 50 };
    };
    let ended = await chain.ended(execution);
    while (ended.executionArn !== execution || ended.status === 'ABORTED') {
      ended = await chain.ended(execution);
    }
    await check(ended);
  }
  expect(interruptions).toBeGreaterThan(30);
}

test('promise 2: rows change once although Lambda runs every invocation twice at the same time', async () => {
  chain.between.invocation = async (_, invoke) => {
    const [first] = await Promise.all([invoke(), invoke()]);
    return first;
  };
  await expectOnce(await chain.run());
});

test('promise 2: rows change once although statements arrive after Lambda has killed their worker for being late', async () => {
  chain.setTimeoutSeconds(4);
  const late = { in_sql: [] as ProxiedCall[], in_code: [] as ProxiedCall[] };
  const writes = { in_sql: 0, in_code: 0 };
  const arrive = async (column: keyof typeof late) => {
    for (const call of late[column].splice(0)) {
      await chain.forward(call);
    }
  };
  let arrived = 0;
  chain.between.call = async (call) => {
    if (!/UPDATE \S*counters/.test(call.body)) {
      return 'pass';
    }
    const column = call.body.includes('in_sql') ? 'in_sql' : 'in_code';
    writes[column] += 1;
    // Just when the next worker wants to write the same.
    await arrive(column);
    if (![2, 3].includes(writes[column])) {
      return 'pass';
    }
    arrived += 1;
    late[column].push(call);
    return new Promise(() => {}); // no answer, ever
  };
  try {
    await expectOnce(await chain.run());
    await arrive('in_sql');
    await arrive('in_code');
    await expectEachAt1();
    expect(arrived).toBe(4);
  } finally {
    chain.setTimeoutSeconds(300);
  }
});
