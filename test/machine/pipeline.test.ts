import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { type DatabaseClock, databaseClock } from '../../local/postgres/database-clock.ts';
import { untilLockWait } from '../support/lock-waits.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 60;
let chain: TestRuntime;
let clock: DatabaseClock;
let sfn: SFNClient;

beforeAll(async () => {
  const environment = { SLICES_PER_EXECUTION: '1' };
  chain = await startTestRuntime({ fixture: 'counter', environment, secondMs: 1 });
  clock = await databaseClock(chain.database);
  sfn = new SFNClient({
    endpoint: chain.stepFunctions.url,
    region: chain.clientEnvironment.AWS_REGION as string,
    credentials: chain.credentials,
  });
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL, in_code integer NOT NULL)`);
});
afterAll(async () => {
  sfn.destroy();
  await chain.close();
});
beforeEach(async () => {
  await chain.reset();
  await chain.database.query('TRUNCATE counters');
  await chain.database.query(`INSERT INTO counters SELECT n, 0, 0 FROM generate_series(1, ${rows}) AS n`);
});

/** All that a pipeline knows: it starts an execution, and polls that one until it has ended. */
async function pipeline(sawItRun: () => void = () => {}): Promise<{
  status: string | undefined;
  output: unknown;
  error: string | undefined;
  cause: string | undefined;
}> {
  const start = new StartExecutionCommand({ stateMachineArn: chain.migrationsMachineArn, input: '{}' });
  const { executionArn } = await sfn.send(start);
  for (;;) {
    const { status, output, error, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') {
      return { status, output: JSON.parse(output ?? 'null'), error, cause };
    }
    // What it takes for done must be so: while it runs, it says nothing of the kind.
    expect(output).toBeUndefined();
    sawItRun();
    await sleep(50);
  }
}
const isDone = async () => {
  const [left] = await chain.database.query<{ rows: number }>(
    'SELECT count(*)::int AS rows FROM counters WHERE in_sql <> 1 OR in_code <> 1',
  );
  return left?.rows === 0;
};
const counted = expect.objectContaining({ total_processed: rows, total_updated: rows, errors: 0 });

test('promise 12: a pipeline that only polls is right about a run of many parts, one that has nothing to do, and one that failed', async () => {
  await chain.database.query(ledgerScript());
  // A rest for which a Lambda does not stay: one batch makes a slice, and a slice makes a part.
  await chain.database.query(`
    INSERT INTO data_migrations.controls (migration, tuned)
    VALUES ('add-one-in-sql', '{"restSeconds": 5}'), ('add-one-in-code', '{"restSeconds": 5}')`);
  const done = await pipeline();
  expect(done).toEqual({
    status: 'SUCCEEDED',
    output: { 'add-one-in-sql': counted, 'add-one-in-code': counted },
    error: undefined,
  });
  expect(await isDone()).toBe(true);
  // The execution that was started, and its further parts, which a pipeline never hears of.
  expect((await chain.executions(chain.migrationsMachineArn)).length).toBeGreaterThanOrEqual(12);
  expect(await pipeline()).toEqual({
    status: 'SUCCEEDED',
    output: { 'add-one-in-sql': 'skipped', 'add-one-in-code': 'skipped' },
    error: undefined,
  });

  await chain.database.query('DROP SCHEMA data_migrations CASCADE');
  await chain.database.query('ALTER TABLE counters RENAME COLUMN in_code TO in_js');
  expect(await pipeline()).toMatchObject({ status: 'FAILED', error: 'MigrationFailed', output: null });
  await chain.database.query('ALTER TABLE counters RENAME COLUMN in_js TO in_code');
});

test('promise 12: so it is about a run that is stopped in a part, and about the redrive that goes on', async () => {
  let stop = true;
  const stopped: string[] = [];
  chain.between.invocation = async (request, invoke) => {
    if (stop && request.operation === 'batches' && request.run.part === 2) {
      stop = false;
      stopped.push(request.run.execution_arn);
      await chain.stop(request.run.execution_arn);
    }
    return invoke();
  };
  expect(await pipeline()).toMatchObject({ status: 'ABORTED', output: null });
  expect(await isDone()).toBe(false);
  const [run = ''] = stopped;
  await chain.redrive(run);
  expect((await chain.ended(run)).status).toBe('SUCCEEDED');
  expect(await isDone()).toBe(true);
});

describe('promise 12: so it is about a run that is held, since somebody is stuck at the table', () => {
  const hour = 3_600;
  let stuck: { letGo(): Promise<void> };
  let earlier: number;
  beforeEach(async () => {
    stuck = await stuckSession();
    earlier = (await executions()).length;
  });
  afterEach(() => stuck.letGo());

  test('for an hour: it is running all that time, and then done', async () => {
    const machine = restingMachine(async (rested) => {
      if (rested > 0.95 * hour) {
        await stuck.letGo();
      }
    });
    const seen: number[] = [];
    const done = await pipeline(() => seen.push(machine.rested));
    expect(done).toMatchObject({
      status: 'SUCCEEDED',
      output: { 'add-one-in-sql': counted, 'add-one-in-code': counted },
    });
    expect(await isDone()).toBe(true);
    for (const moment of [0, 0.25, 0.5, 0.75]) {
      expect(seen.some((rested) => rested >= moment * hour && rested <= (moment + 0.25) * hour)).toBe(true);
    }
    await expectAnHourInFewLooks();
  }, 120_000);

  test('for longer than its "pressureTimeout": it has failed, and says who is stuck', async () => {
    restingMachine();
    const { status, error, cause } = await pipeline();
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationFailed' });
    expect(cause).toMatch(
      /^migration "add-one-in-sql" has been held for 1 hour, its "pressureTimeout", because process \d+ has waited .* for a lock on counters\./,
    );
    await expectAnHourInFewLooks();
    expect(await chain.database.query('SELECT FROM counters WHERE in_sql <> 0')).toEqual([]);
    await stuck.letGo();
    expect(await pipeline()).toMatchObject({ status: 'SUCCEEDED' });
    expect(await isDone()).toBe(true);
  }, 120_000);

  const executions = () => chain.executions(chain.migrationsMachineArn);

  /** In the seconds of the machine: the waits in the history of the run and of its parts. */
  async function expectAnHourInFewLooks(): Promise<void> {
    const histories = await Promise.all((await executions()).slice(earlier).map(chain.history));
    const rests = histories.flat().flatMap(({ stateEnteredEventDetails: entered }) => {
      const { reason, rest_seconds: seconds } = JSON.parse(entered?.input ?? '{}');
      return entered?.name?.startsWith('Rest') && /for a lock on counters/.test(reason) ? [seconds] : [];
    });
    const sum = rests.reduce((one, other) => one + other, 0);
    expect(sum).toBeGreaterThan(0.95 * hour);
    expect(sum).toBeLessThanOrEqual(hour);
    // Ten seconds at first, and then a quarter more each time: 4 + log(90) / log(1.25) = 24.
    expect(rests.length).toBeLessThan(30);
    expect(rests.slice(0, 4)).toEqual([10, 10, 10, 10]);
  }

  /** The machine rests in seconds that are short, and the database's clock goes forward by as many whole ones. */
  function restingMachine(onRest = async (_rested: number) => {}): { readonly rested: number } {
    const machine = { rested: 0 };
    chain.between.invocation = async (_, invoke) => {
      const outcome = await invoke();
      const { rest_seconds: seconds = 0 } =
        outcome.status === 'succeeded' ? (outcome.payload as { rest_seconds?: number }) : {};
      await clock.forward(seconds);
      machine.rested += seconds;
      await onRest(machine.rested);
      return outcome;
    };
    return machine;
  }

  /** Two sessions of the application: one has changed a row and does not commit, the other has waited for that row for a second. */
  async function stuckSession(): Promise<{ letGo(): Promise<void> }> {
    const { pool } = chain.database;
    const [holder, waiter] = [await pool.connect(), await pool.connect()];
    const change = 'BEGIN; UPDATE counters SET in_sql = in_sql WHERE id = 7';
    await holder.query(change);
    const waiting = waiter.query(change);
    await untilLockWait(chain.database, 1);
    let isStuck = true;
    return {
      async letGo() {
        if (isStuck) {
          isStuck = false;
          await holder.query('ROLLBACK');
          await waiting;
          await waiter.query('ROLLBACK');
          holder.release();
          waiter.release();
        }
      },
    };
  }
});
