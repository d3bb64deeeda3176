import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../functions/engine/batch/rewrite.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { sliceDeadline } from '../../functions/engine/invocation.ts';
import { sliceSeconds } from '../../functions/engine/plan/estimate.ts';
import { functionTimeoutSeconds } from '../../infra/deployment.ts';
import { migrations } from '../support/demo.ts';
import { everythingIn } from '../support/everything.ts';
import { type DemoOperator, demoOperator } from './demo-operator.ts';

let at: DemoOperator;
beforeAll(async () => {
  at = await demoOperator();
  await at.begin();
});
afterAll(() => at.close());

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await at.does(['plan', ...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};
const everything = () => everythingIn(at.runtime.database);

/** States that an execution has entered: what AWS counts as transitions. */
const entered = async (arn: string) =>
  (await at.runtime.history(arn)).filter(({ type }) => type?.endsWith('StateEntered')).length;

test('plan says what a run would do, before there is a ledger, and changes nothing', async () => {
  await at.begin();
  const before = await everything();
  const { migrations: planned, run, prices } = await json();
  expect(await everything()).toEqual(before);

  expect(planned.map(({ name, pending, state }: never) => ({ name, pending, state }))).toEqual(
    migrations.map(({ name }) => ({ name, pending: true, state: 'never run' })),
  );
  const of = Object.fromEntries(planned.map((each: { readonly name: string }) => [each.name, each]));
  expect(of['users-full-name']).toMatchObject({
    rows: { to_look_at: 10_000, to_look_at_is: 'counted', left: 9_500, left_is: 'counted' },
    trial: { rows: 500, updated: 475, errors: 0, rows_per_second: expect.any(Number) },
    duration: { ends_at: expect.stringMatching(/^20/) },
    slices: 1,
    problems: [],
  });
  expect(of['users-full-name'].differences).toHaveLength(10);
  expect(of['users-full-name'].differences[0]).toEqual({
    key: '1',
    changes: { full_name: [null, 'Alan Dijkstra'] },
  });
  expect(of['audience-updated-at']).toMatchObject({ kind: 'alterTables' });
  expect(of['audience-updated-at'].tables).toHaveLength(35);
  expect(of['ci-builds-stage-id'].would_fail[0]).toEqual({
    key: '250',
    sqlstate: null,
    reason: expect.any(String),
  });
  expect(prices).toMatchObject({ region: 'us-east-1', step_functions_per_1000_transitions: 0.025 });
  const { step_functions, lambda, data_api, total } = run.dollars;
  expect(step_functions).toBeCloseTo((run.usage.state_transitions / 1_000) * 0.025, 6);
  expect(total).toBeCloseTo(step_functions + lambda + data_api, 5);
});

test('plan prints for people what it prints as JSON, the prices, and what it left out', async () => {
  await at.begin();
  const { code, stdout } = await at.does(['plan', 'users-full-name']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^users-full-name \(backfill, never run\): pending\n {2}rows +9,500 need the change \(counted\)/,
  );
  expect(stdout).toMatch(/\n {2}tried +500 rows, rolled back: 475 changed, [\d,]+ rows a second\n {2}takes /);
  expect(stdout).toMatch(/\n {2}key +column +before +after\n +1 +full_name +NULL +Alan Dijkstra\n/);
  expect(stdout).toMatch(
    /us-east-1, in dollars: 0\.025 per 1,000 state transitions; Lambda \(arm64\) 0\.0000133334 per/,
  );
  expect(stdout).toMatch(/\nnot included +Aurora capacity/);
  expect(stdout).toMatch(/\nchanged +nothing/);
});

test('The transitions that plan counts are those that a run takes', async () => {
  await at.begin();
  for (const name of ['users-full-name', 'audience-updated-at']) {
    const { run } = await json(name);
    const { executionArn = '', status } = await at.runtime.run({ only: name });
    expect({ name, status, transitions: await entered(executionArn) }).toEqual({
      name,
      status: 'SUCCEEDED',
      transitions: run.usage.state_transitions,
    });
  }
  const before = await everything();
  const {
    migrations: [skipped],
    run,
  } = await json('users-full-name');
  expect(skipped).toMatchObject({ pending: false, state: 'finished' });
  expect(await everything(), 'with a ledger').toEqual(before);
  const { executionArn = '' } = await at.runtime.run({ only: 'users-full-name' });
  expect(await entered(executionArn)).toBe(run.usage.state_transitions);
});

test('A paused migration is planned as if it was resumed, and the run without it', async () => {
  await at.begin();
  await at.runtime.run({ only: 'users-full-name' }); // makes the ledger
  const paused = 'ci-builds-stage-id';
  for (const name of [paused, 'users-full-name']) {
    expect((await at.does(['pause', name, '--reason', 'the sale'])).code).toBe(0);
  }
  await at.runtime.run({ mode: 'foreground' });

  const { migrations: planned, run } = await json();
  const of = Object.fromEntries(planned.map((each: { readonly name: string }) => [each.name, each]));
  expect(of[paused]).toMatchObject({
    pending: true,
    paused: { reason: 'the sale' },
    batches: expect.any(Number),
  });
  expect(of[paused].usage.data_api_requests).toBeGreaterThan(run.usage.data_api_requests);
  expect(of['users-full-name'], 'finished').toMatchObject({ pending: false, paused: null, notes: [] });
  const { executionArn = '' } = await at.runtime.run({});
  expect(await entered(executionArn)).toBe(run.usage.state_transitions);

  const { stdout } = await at.does(['plan', paused]);
  expect(stdout).toMatch(
    /^ci-builds-stage-id \(backfill, never run\): pending\n {2}note +paused by .*: the sale: /,
  );
  expect(stdout).toMatch(/\n {2}takes .*; resumed now, it ends 20/);
  expect(stdout).toMatch(/\n {2}uses .*, left out of the run\n/);
});

test.each([1, 4])(
  'plan beside a run in %i lanes changes nothing, goes on from where that is, and the run goes on undisturbed',
  async (lanes) => {
    await at.begin();
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const rowsDone = async (): Promise<number> => {
      const [line] = await at.runtime.database.query<{ total_processed: number }>(
        "SELECT total_processed::int FROM data_migrations.migrations WHERE name = 'ci-builds-stage-id'",
      );
      return line?.total_processed ?? 0;
    };
    let waiting = 0;
    const reached = new Promise<void>((resolve) => {
      at.runtime.between.call = async ({ body }) => {
        if (body.includes('moved#') && (await rowsDone()) >= 20_000) {
          waiting += 1;
          if (waiting === lanes) {
            resolve();
          }
          await held;
        }
        return 'pass' as const;
      };
    });
    const input = { only: 'ci-builds-stage-id', batch_size: 2_500, mode: 'foreground', lanes };
    const run = await at.runtime.start(input);
    await reached;
    const before = await everything();
    const [{ rows, state }] = (await json('ci-builds-stage-id')).migrations;
    expect(await everything()).toEqual(before);
    expect(state).toBe('running');
    expect(rows.to_look_at).toBe(50_000 - (await rowsDone()));

    goOn();
    let ended = false;
    const end = at.runtime.ended(run).finally(() => {
      ended = true;
    });
    let plans = 0;
    for (; !ended; plans += 1) {
      await json('ci-builds-stage-id');
    }
    expect(plans).toBeGreaterThan(0);
    expect((await end).result).toMatchObject({
      'ci-builds-stage-id': { total_processed: 50_000, total_updated: 49_800, errors: 200 },
    });
    at.runtime.between.call = undefined;
  },
);

describe('plan counts with lanes', () => {
  // Three milliseconds a row at least, so nine seconds for all of them.
  const inLanes = {
    name: 'in-lanes',
    table: 'engine_configs',
    key: 'id',
    immutableKey: true,
    set: { name: sql`name || left(pg_sleep(0.003)::text, 0)` },
    pace: { maxRows: 25 },
  } as const;
  const planned = async (migration: Migration) => {
    const { stdout } = await at.does(['plan', 'in-lanes', '--json'], { checkout: [migration] });
    return JSON.parse(stdout).migrations[0];
  };
  afterEach(() => {
    at.runtime.between.call = undefined;
  });

  test('that are asked for: four work beside one another', async () => {
    const one = await planned(backfill({ ...inLanes, lanes: 1 }));
    const four = await planned(backfill({ ...inLanes, lanes: 4 }));
    expect([one.lanes, four.lanes]).toEqual([1, 4]);
    // What was tried for either may have been slower than for the other.
    expect(four.duration.working_seconds).toBeLessThan(one.duration.working_seconds / 2);
    expect(four.duration.working_seconds).toBeGreaterThan(9 / 4);
    const { stdout } = await at.does(['plan', 'in-lanes'], {
      checkout: [backfill({ ...inLanes, lanes: 4 })],
    });
    expect(stdout).toMatch(/\n {2}batches +.* in 4 lanes and 1 slice\n/);
  });

  test('which there are by default where a call takes 30 ms longer, but not where it rests', async () => {
    at.runtime.between.call = () => ({ delayMs: 30 });
    expect((await planned(backfill(inLanes))).lanes).toBeGreaterThan(1);
    expect((await planned(backfill({ ...inLanes, pace: { maxRows: 25, restSeconds: 1 } }))).lanes).toBe(1);
  });

  test('and all else as it is tuned, and says so, and who has paused it', async () => {
    await at.begin();
    await at.runtime.run({ only: 'users-full-name' }); // makes the ledger
    const author = backfill({ ...inLanes, lanes: 1, within: '2 seconds' });
    const sets = async (...args: string[]) =>
      expect((await at.does(args, { checkout: [author] })).code).toBe(0);
    const untuned = {
      lanes: 1,
      problems: [expect.stringContaining('within 2 seconds')],
      notes: [expect.stringContaining('it has 2 seconds')],
    };
    expect(await planned(author)).toMatchObject(untuned);

    await sets('tune', 'in-lanes', '--lanes', '4', '--rest', '2');
    await sets('pause', 'in-lanes', '--reason', 'the sale');
    expect(await planned(author)).toMatchObject({
      lanes: 4,
      rest_seconds: 2,
      problems: [],
      notes: [
        expect.stringMatching(/^paused by .*: the sale: it does nothing until somebody resumes it$/),
        'tuned: {"lanes":4,"restSeconds":2}',
      ],
    });

    await sets('tune', 'in-lanes', '--reset');
    await sets('resume', 'in-lanes');
    expect(await planned(author)).toMatchObject(untuned);
  });

  test('in the time that it has: what four lanes can do in it is not in the way', async () => {
    const within = '7 seconds';
    expect((await planned(backfill({ ...inLanes, lanes: 1, within }))).problems).toHaveLength(1);
    const four = await planned(backfill({ ...inLanes, lanes: 4, within }));
    expect(four.problems).toEqual([]);
    // With its rests it takes nine tenths of the time, and what the way to the database takes beside that; four lanes rest beside one another.
    expect(four.duration.seconds).toBeGreaterThan(four.duration.working_seconds * 1.2);
    expect(four.duration.seconds).toBeLessThan(11);
  });
});

describe('What is in the way is said, and exits with 1', () => {
  const slowly = {
    table: 'engine_configs',
    key: 'id',
    immutableKey: true,
    set: { name: sql`name || pg_sleep(0.0005)::text` },
  } as const;
  test.each([
    [
      backfill({ ...slowly, name: 'late', within: 'PT1S' }),
      /3,000 rows at .* cannot be done in time, even without rests/,
    ],
    [
      backfill({ ...slowly, name: 'wrong', set: { name: sql`nom` } }),
      /migration "wrong", batch 1: .*column "nom" does not exist/,
    ],
    [backfill({ ...slowly, name: 'missing', table: 'nobodys' }), /table nobodys: there is no such table/],
    [
      backfill({
        ...slowly,
        name: 'bad',
        set: { name: sql`CASE WHEN right(id, 2) <> '07' THEN name END` },
        errorBudget: 9,
      }),
      /5 of the \d+ rows that were tried would fail; at this rate some 30 of all, and its errorBudget is 9/,
    ],
  ])('$name', async (migration, problem) => {
    const { code, stdout } = await at.does(['plan', migration.name, '--json'], { checkout: [migration] });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).migrations[0].problems).toEqual([expect.stringMatching(problem)]);
  });

  test('which includes rows whose transform loops, with their keys', async () => {
    const looping = rewrite<{ id: string; name: string }>({
      name: 'looping',
      table: 'engine_configs',
      key: 'id',
      immutableKey: true,
      columns: ['name'],
      transformTimeout: '0.5 seconds',
      transform: ({ id, name }) => {
        while (id.endsWith('07')) {
          // as a parser might that does not move on
        }
        return { name: `${name}.` };
      },
      errorBudget: 9,
    });
    const { code, stdout } = await at.does(['plan', 'looping'], { checkout: [looping] });
    expect(code).toBe(1);
    expect(stdout).toMatch(/\n {2}tried +\d+ rows, rolled back: \d+ changed, [1-5] would fail/);
    expect(stdout).toMatch(
      /\n {2}key +would fail.*\n +\S*07 +transform took longer than 0\.5 s, its "transformT/,
    );
    expect(stdout).toMatch(/IN THE WAY +[1-5] of the \d+ rows that were tried would fail/);
  });

  test('in words', async () => {
    const nobodys = backfill({ ...slowly, name: 'missing', table: 'nobodys' });
    const { code, stdout } = await at.does(['plan'], { checkout: [nobodys] });
    expect(code).toBe(1);
    expect(stdout).toMatch(/\n {2}IN THE WAY +migration "missing", table nobodys: there is no such table/);
  });

  test('a name that nobody knows is misuse', async () => {
    expect(await at.does(['plan', 'users-full-nam'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('did you mean users-full-name?'),
    });
  });
});

test('A slice of a plan is as long as the one of a deployed function: a minute is left to a batch that takes too long', () => {
  const clock = { now: () => 0, date: () => 0, sleep: async () => undefined };
  expect(sliceDeadline(clock, functionTimeoutSeconds * 1_000)).toBe(sliceSeconds);
});
