import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secondsBetweenLooks } from '../../functions/watch/look.ts';
import { functionTimeoutSeconds } from '../../infra/deployment.ts';
import { CloudWatch } from '../../local/cloudwatch/cloudwatch.ts';
import { failed } from '../../local/lambda/outcome.ts';
import { type DatabaseClock, databaseClock } from '../../local/postgres/database-clock.ts';
import { demoSql } from '../support/demo.ts';
import { type Looks, looksAt, tooLong } from '../support/looks.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
const hour = 3_600;
let chain: TestRuntime;
let clock: DatabaseClock;
let looks: Looks;

beforeAll(async () => {
  chain = await startTestRuntime({
    fixture: 'operations',
    environment: { POWERTOOLS_METRICS_DISABLED: 'false', POWERTOOLS_LOG_LEVEL: 'INFO' },
  });
  clock = await databaseClock(chain.database);
  await chain.database.query(await demoSql('schema'));
  await chain.database.query(
    'CREATE TABLE public.counters (id integer PRIMARY KEY, value integer NOT NULL DEFAULT 0, label text, night boolean)',
  );
});
afterAll(() => chain.close());
beforeEach(async () => {
  await chain.reset();
  await chain.database.query(
    `TRUNCATE counters; INSERT INTO counters SELECT n FROM generate_series(1, ${rows}) AS n`,
  );
  looks = looksAt(chain);
});

/** Starts a run, whose slices after so many never begin, and waits until it is there. */
async function stuck(input: object, after = 1): Promise<string> {
  let slices = 0;
  const isStuck = new Promise<void>((resolve) => {
    chain.between.invocation = (request, invoke) => {
      if (request.operation !== 'batches' || ++slices <= after) {
        return invoke();
      }
      resolve();
      return new Promise(() => {});
    };
  });
  const execution = await chain.start(input);
  await isStuck;
  return execution;
}

interface Line {
  readonly resting: { readonly reason: string } | null;
}
/** What the ledger says of the one migration that has begun. */
const line = async (): Promise<Line | undefined> =>
  (await chain.database.query<Line & object>('SELECT resting FROM data_migrations.migrations'))[0];

/** Waits until the latest that happened to an execution is that it rests. */
const untilItRests = (execution: string) =>
  expect.poll(() => last(execution), { timeout: 10_000 }).toBe('WaitStateEntered');

/** The type of the latest event of an execution. */
const last = async (execution: string) => (await chain.history(execution)).at(-1)?.type;

/** How many rests an execution has begun. */
const restsIn = async (execution: string): Promise<number> =>
  (await chain.history(execution)).filter(({ type }) => type === 'WaitStateEntered').length;

/** Lets the watcher look, and counts the statements that reach the Data API meanwhile. No alarm may go off. */
async function statementsOfLook(): Promise<number> {
  let statements = 0;
  chain.between.call = () => {
    statements += 1;
    return 'pass';
  };
  expect(await looks.goingOff()).toEqual([]);
  chain.between.call = undefined;
  return statements;
}

describe('the watcher', () => {
  test('finds a migration that is under way without a batch for a quarter of an hour, and not before', async () => {
    const run = await stuck({ only: 'probe' });
    expect(await looks.goingOff()).toEqual([]);
    await clock.forward(tooLong);
    expect(await looks.goingOff()).toEqual(['stalled']);
    const said = chain.log
      .filter((line) => line.includes('"message":"stalled"'))
      .map((line) => JSON.parse(line));
    expect(said).toEqual([expect.objectContaining({ migration: 'probe', run, seconds: expect.any(Number) })]);
  });

  test('finds it although one slice follows the other, where none of them gets to a batch', async () => {
    chain.setTimeoutSeconds(1);
    let slices = 0;
    // As it is while somebody keeps the table locked: each slice goes on trying until its time is up.
    chain.between.call = ({ body }) => (/UPDATE \S*counters/.test(body) ? 'refuse' : 'pass');
    chain.between.invocation = (request, invoke) => {
      slices += request.operation === 'batches' ? 1 : 0;
      return invoke();
    };
    await chain.start({ only: 'labels' });
    await expect.poll(() => slices, { timeout: 20_000 }).toBe(2);
    await clock.forward(tooLong);
    await expect.poll(() => slices, { timeout: 20_000 }).toBe(3);
    expect(await looks.goingOff()).toEqual(['stalled']);
    chain.setTimeoutSeconds(functionTimeoutSeconds);
  });

  test('leaves alone what waits for its maintenance window, until it should have gone on', async () => {
    await chain.start({ only: 'at-night' });
    await expect
      .poll(async () => (await line())?.resting?.reason ?? '', { timeout: 10_000 })
      .toMatch('window');
    const forward = async (seconds: number) => {
      await clock.forward(seconds);
      looks.dueLater(seconds);
    };
    await forward(hour);
    expect(await looks.goingOff()).toEqual([]);
    await forward(hour + tooLong);
    expect(await looks.goingOff()).toEqual(['stalled']);
  });

  test('leaves alone what has just begun again after a long rest, before its first batch', async () => {
    let slices = 0;
    let goOn = () => {};
    const rested = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const second = new Promise<void>((resolve) => {
      chain.between.invocation = async (request, invoke) => {
        if (request.operation === 'batches' && ++slices === 2) {
          resolve();
          await rested;
        }
        return invoke();
      };
    });
    await chain.start({ only: 'probe' });
    await second;
    await clock.forward(hour);
    const batch = new Promise<void>((resolve) => {
      chain.between.call = ({ body }) => {
        if (!/UPDATE \S*counters/.test(body)) {
          return 'pass';
        }
        resolve();
        return new Promise(() => {});
      };
    });
    goOn();
    await batch;
    expect(await looks.goingOff()).toEqual([]);
  });

  test('leaves alone what somebody has paused', async () => {
    await chain.run({ only: 'labels' });
    await chain.database.query(
      `INSERT INTO data_migrations.controls (migration, paused) VALUES ('probe', '{"by": "somebody", "at": "2026-11-27T10:00:00Z", "reason": null}')`,
    );
    await chain.start({ background: 'probe' });
    const waiting = `SELECT FROM data_migrations.runs WHERE waiting ->> 'for' = 'the end of a pause'`;
    await expect.poll(() => chain.database.query(waiting), { timeout: 10_000 }).toHaveLength(1);
    await clock.forward(tooLong);
    const again = `${waiting} AND (waiting ->> 'until')::timestamptz > ahead.now()`;
    await expect.poll(() => chain.database.query(again), { timeout: 10_000 }).toHaveLength(1);
    expect(await looks.goingOff()).toEqual([]);
  });

  test('does not wake the database while nothing runs', async () => {
    await chain.run({ only: 'labels' });
    expect(await statementsOfLook()).toBe(0);
    await stuck({ only: 'probe' }, 0);
    expect(await statementsOfLook()).toBe(1);
  });

  describe('does not wake the database while all that runs rests for hours', () => {
    test('unless another run is at work, whose trouble it finds', async () => {
      await untilItRests(await chain.start({ only: 'at-night' }));
      expect(await statementsOfLook()).toBe(0);
      await chain.database.query(`
        INSERT INTO employee_events (employee_id, type, payload, occurred_at)
        VALUES ('10000000-0000-4000-8000-000000000000', 'hired', '{"name": "Ada", "title": "Engineer", "office": "Berlin", "on": "2020-01-01"}', now())`);
      await stuck({ only: 'employee-event-payloads' }, 0);
      expect(await statementsOfLook()).toBe(1);
      await clock.forward(tooLong);
      expect(await looks.goingOff()).toEqual(['stalled']);
      expect(
        looks.cloudwatch.datapoints.filter(({ name }) => name === 'MigrationsStalled').at(-1),
      ).toMatchObject({ values: [1] });
    });

    test('nor when it is a part that rests, and the run waits for the part', async () => {
      chain.release('operations', '2', { SLICES_PER_EXECUTION: '1' });
      let slices = 0;
      chain.between.invocation = async (request, invoke) => {
        const outcome = await invoke();
        const isFirst = request.operation === 'batches' && ++slices === 1;
        return isFirst && outcome.status === 'succeeded'
          ? { ...outcome, payload: { ...(outcome.payload as object), rest_seconds: 0 } }
          : outcome;
      };
      const run = await chain.start({ only: 'at-night' });
      await expect.poll(() => slices, { timeout: 10_000 }).toBe(2);
      const part = (await chain.executions(chain.migrationsMachineArn)).at(-1) as string;
      expect(part).toContain('-part-2');
      await untilItRests(part);
      expect(await last(run)).toBe('TaskSubmitted');
      expect(await statementsOfLook()).toBe(0);
    });

    test('nor when all lanes rest; one that is at work is seen, though another has begun to rest since', async () => {
      const goOn: (() => void)[] = [];
      chain.between.invocation = async (request, invoke) => {
        if (request.operation === 'batches') {
          const lanes = [0, 1, 2].map((number) => ({ number, of: 3 }));
          return { status: 'succeeded', payload: { state: 'lanes', rest_seconds: 0, lanes } };
        }
        if (request.operation !== 'lane') {
          return invoke();
        }
        const { lane } = request;
        if (lane.number === 2) {
          return { status: 'succeeded', payload: { state: 'done', rest_seconds: 0, ...lane } };
        }
        await new Promise<void>((resolve) => {
          goOn.push(resolve);
        });
        return { status: 'succeeded', payload: { state: 'more', rest_seconds: 2 * hour, ...lane } };
      };
      const run = await chain.start({ only: 'labels' });
      await expect.poll(() => last(run), { timeout: 10_000 }).toBe('MapIterationSucceeded');
      goOn[0]?.();
      await untilItRests(run);
      expect(await statementsOfLook()).toBe(1);
      goOn[1]?.();
      await expect.poll(() => restsIn(run), { timeout: 10_000 }).toBe(2);
      expect(await statementsOfLook()).toBe(0);
    });

    test('nor when it was stopped at work, and rests since it was redriven', async () => {
      const run = await stuck({ only: 'at-night' }, 0);
      await chain.stop(run);
      chain.between.invocation = undefined;
      await chain.redrive(run);
      await untilItRests(run);
      expect(await statementsOfLook()).toBe(0);
    });

    test('but a rest of minutes lets no database sleep, and so hides nothing', async () => {
      chain.between.invocation = async (request, invoke) =>
        request.operation === 'batches'
          ? { status: 'succeeded', payload: { state: 'more', rest_seconds: 299 } }
          : invoke();
      await untilItRests(await chain.start({ only: 'probe' }));
      looks.dueLater(-secondsBetweenLooks); // while it rests
      expect(await statementsOfLook()).toBe(1);
    });
  });

  test('tells of failures while the ledger does not answer, and is missed for what only that knows', async () => {
    await stuck({ only: 'probe' }, 0);
    chain.between.invocation = async () =>
      failed('Runtime.ImportModuleError', "Cannot find module 'rebuild'");
    expect(await chain.ended(await chain.start({}, chain.rebuildMachineArn))).toMatchObject({
      status: 'FAILED',
    });
    chain.between.call = () => 'refuse';
    expect(await looks.goingOff()).toEqual(['follow-up-failed', 'watcher-silent']);
  });

  test('finds a run that failed without being recorded, as when the code does not load', async () => {
    chain.between.invocation = async () =>
      failed('Runtime.ImportModuleError', "Cannot find module 'migrations'");
    expect(await chain.run()).toMatchObject({ status: 'FAILED', error: 'Runtime.ImportModuleError' });
    expect(await looks.goingOff()).toEqual(['run-failed']);
  });

  test('leaves alone a start that is refused, what somebody stops, and a failure that is recorded', async () => {
    const run = await stuck({ only: 'probe' });
    expect(await chain.run({ only: 'probe' })).toMatchObject({ error: 'MigrationsAlreadyRunning' });
    expect(await chain.run({ only: 'no-such' })).toMatchObject({ error: 'InvalidInput' });
    await chain.stop(run);
    await chain.reset();
    looks = looksAt(chain);
    chain.between.invocation = async ({ operation }, invoke) =>
      operation === 'pending' ? failed('MigrationFailed', 'it is wrong') : invoke();
    expect(await chain.run({ only: 'labels' })).toMatchObject({ error: 'MigrationFailed' });
    await looks.goingOff();
    const looked = chain.log.filter((line) => line.includes('"MigrationsStalled"'));
    expect(looked).toHaveLength(1);
    expect(looked[0]).not.toContain('RunsFailed');
  });

  test('finds a follow-up job that failed', async () => {
    await chain.database.query('DROP TABLE employee_events');
    const rebuild = await chain.ended(await chain.start({}, chain.rebuildMachineArn));
    expect(rebuild).toMatchObject({ status: 'FAILED', error: 'MigrationFailed' });
    expect(await looks.goingOff()).toEqual(['follow-up-failed']);
  });

  test('is missed when it has not looked for a quarter of an hour', async () => {
    const cloudwatch = new CloudWatch(chain.alarms);
    expect(cloudwatch.goingOff(Date.now())).toEqual(['data-migrations-watcher-silent']);
  });
});
