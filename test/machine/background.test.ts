import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Background, Result } from '../../functions/contract.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 60;
let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'background', environment: { SLICES_PER_EXECUTION: '5' } });
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL DEFAULT 0, label text);
    CREATE TABLE totals (id integer PRIMARY KEY, total integer);
    CREATE TABLE notes (id integer PRIMARY KEY, releases text[] NOT NULL DEFAULT '{}')`);
});
afterAll(() => chain.close());

beforeEach(async () => {
  await chain.reset();
  await chain.database.query(`
    TRUNCATE counters, totals, notes;
    INSERT INTO counters SELECT n FROM generate_series(1, ${rows}) AS n;
    INSERT INTO totals VALUES (1);
    INSERT INTO notes SELECT n FROM generate_series(1, 3) AS n`);
});

const values = () =>
  chain.database.query('SELECT value, count(*)::int AS rows FROM counters GROUP BY 1 ORDER BY 1');
const everyRowOnce = [{ value: 1, rows }];
const line = async (name: string) => {
  const [found] = await chain.database.query<{ status: string; total_processed: number; run: string }>(
    'SELECT status, total_processed::int, run FROM data_migrations.migrations WHERE name = $1',
    [name],
  );
  return found;
};
const runOf = async (execution: string) => {
  const [found] = await chain.database.query<{
    part: number;
    code: string;
    waiting: { reason: string } | null;
  }>('SELECT part, code, waiting FROM data_migrations.runs WHERE execution_arn = $1', [execution]);
  return found;
};
const events = async (about?: string) => {
  const found = await chain.database.query<{ event: string }>(
    'SELECT event FROM data_migrations.history WHERE $1::text IS NULL OR migration = $1 ORDER BY id',
    [about ?? null],
  );
  return found.map(({ event }) => event);
};

const background = (result: Result | readonly string[] | undefined): Background => {
  expect(result).toMatchObject({ state: 'background' });
  return result as Background;
};

/** Holds the probe's slices until they are let go. */
function holdProbe(after = 0): { readonly held: Promise<void>; letGo(): void } {
  let slices = 0;
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const held = new Promise<void>((resolve) => {
    chain.between.invocation = async (request, invoke) => {
      if (request.operation === 'batches' && request.migration === 'probe' && ++slices > after) {
        resolve();
        await released;
      }
      return invoke();
    };
  });
  return { held, letGo };
}

describe('promise 13: a migration in the background', () => {
  test('is left to an execution of its own by a release that succeeds without waiting, and is done by it', async () => {
    const { held, letGo } = holdProbe(1);
    const release = await chain.run();
    await held;
    expect(release.status).toBe('SUCCEEDED');
    expect(release.result['release-1']).toMatchObject({ total_updated: 3 });
    const { execution } = background(release.result.probe);
    expect(release.result.probe).toEqual({ state: 'background', execution, total_processed: 0, percent: 0 });
    expect(await chain.describe(execution)).toMatchObject({ status: 'RUNNING' });
    letGo();
    const ended = await chain.ended(execution);
    expect({ status: ended.status, result: ended.result }).toEqual({
      status: 'SUCCEEDED',
      result: { probe: expect.objectContaining({ total_processed: rows, total_updated: rows, errors: 0 }) },
    });
    expect((await runOf(execution))?.part).toBeGreaterThan(1);
    expect(await values()).toEqual(everyRowOnce);
  });

  test('is started although the answer that says so got lost, and is asked for once more', async () => {
    let lost = false;
    chain.between.invocation = async (request, invoke) => {
      if (request.operation !== 'pending' || request.migration !== 'probe' || lost) {
        return invoke();
      }
      lost = true;
      await invoke();
      return invoke();
    };
    const { execution } = background((await chain.run()).result.probe);
    expect((await chain.ended(execution)).status).toBe('SUCCEEDED');
    expect(await values()).toEqual(everyRowOnce);
  });

  test('waits for another one on the same table, and so does what requires it: all of them end by themselves', async () => {
    const { held, letGo } = holdProbe(2);
    const { result } = await chain.run();
    await held;
    const [labels, totals] = [background(result['probe-labels']), background(result.totals)];
    await expect
      .poll(async () => (await runOf(labels.execution))?.waiting?.reason)
      .toMatch(/^probe, [\d.]+ %, which changes the same table public\.counters$/);
    await expect
      .poll(async () => (await runOf(totals.execution))?.waiting?.reason)
      .toMatch(/^probe, [\d.]+ %$/);
    letGo();
    expect((await chain.ended(labels.execution)).status).toBe('SUCCEEDED');
    expect((await chain.ended(totals.execution)).status).toBe('SUCCEEDED');
    expect(await chain.database.query('SELECT total FROM totals')).toEqual([{ total: rows }]);
    expect(await chain.database.query('SELECT count(*)::int FROM counters WHERE label IS NULL')).toEqual([
      { count: 0 },
    ]);
    expect(await values()).toEqual(everyRowOnce);
  });

  test('is left alone by the next release, and goes on with its code in its next part', async () => {
    const { held, letGo } = holdProbe(1);
    const first = await chain.run();
    await held;
    const { execution } = background(first.result.probe);
    chain.release('background-next', '2');
    const next = await chain.run();
    expect({ status: next.status, result: next.result }).toEqual({
      status: 'SUCCEEDED',
      result: {
        probe: expect.objectContaining({ state: 'background', execution }),
        'release-2': expect.objectContaining({ total_updated: 3 }),
      },
    });
    letGo();
    await expect.poll(async () => (await runOf(execution))?.code).toBe('2');
    expect((await chain.ended(execution)).status).toBe('SUCCEEDED');
    expect(await values()).toEqual(everyRowOnce);
  });

  test('that a release does not register any more ends, says how far it got, and goes on when it is registered again', async () => {
    const { held, letGo } = holdProbe(2);
    const first = await chain.run();
    await held;
    const { execution } = background(first.result.probe);
    chain.release('background-gone', '3');
    const next = await chain.run();
    expect(next.result.probe).toEqual({ state: 'left unfinished', total_processed: 10, percent: 16.6 });
    letGo();
    const { status, error, cause } = await chain.ended(execution);
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'NoLongerRegistered' });
    expect(cause).toMatch(
      /^migration "probe" is not registered any more .* left unfinished at [\d.]+ % \(\d+ rows\)/,
    );
    expect(await line('probe')).toMatchObject({ status: 'failed' });

    chain.release('background-next', '4');
    const again = background((await chain.run()).result.probe);
    expect((await chain.ended(again.execution)).status).toBe('SUCCEEDED');
    expect(await values()).toEqual(everyRowOnce);
  });

  test('that was stopped is started again by the next release, from its checkpoint', async () => {
    const { held } = holdProbe(2);
    const { execution } = background((await chain.run()).result.probe);
    await held;
    await chain.stop(execution);
    chain.between.invocation = undefined;
    await chain.crash();
    const again = background((await chain.run()).result.probe);
    expect(again.execution).not.toBe(execution);
    expect((await chain.ended(again.execution)).status).toBe('SUCCEEDED');
    expect(await values()).toEqual(everyRowOnce);
    expect(await events('probe')).toEqual(expect.arrayContaining(['run found ended', 'begun', 'finished']));
  });

  test('is taken over by a run in the foreground, which finishes it; its execution finds that out and succeeds', async () => {
    const { held, letGo } = holdProbe(2);
    const { execution } = background((await chain.run()).result.probe);
    await held;
    chain.between.invocation = undefined;
    const foreground = await chain.run({ mode: 'foreground' });
    expect({ status: foreground.status, probe: foreground.result.probe }).toEqual({
      status: 'SUCCEEDED',
      probe: expect.objectContaining({ total_processed: rows, total_updated: rows }),
    });
    expect(await chain.database.query('SELECT total FROM totals')).toEqual([{ total: rows }]);
    letGo();
    expect(await chain.ended(execution)).toMatchObject({ status: 'SUCCEEDED', result: { probe: 'skipped' } });
    expect(await values()).toEqual(everyRowOnce);
    expect(await events('probe')).toContain('taken over');
  });
});

describe('a migration that somebody has paused', () => {
  const control = (column: 'paused' | 'tuned', value: object | null) =>
    chain.database.query(
      `INSERT INTO data_migrations.controls (migration, ${column}) VALUES ('probe', $1)
       ON CONFLICT (migration) DO UPDATE SET ${column} = excluded.${column}`,
      [value === null ? null : JSON.stringify(value)],
    );
  const paused = { by: 'ada', at: '2026-11-26T03:00:00Z', reason: 'the shop is full' };

  test('stops with its batch, is left out by every release, which says so, and goes on once it is resumed', async () => {
    const { held, letGo } = holdProbe(2);
    const first = background((await chain.run()).result.probe);
    await held;
    const done = Number((await line('probe'))?.total_processed);
    await control('paused', paused);
    letGo();
    await expect.poll(async () => (await line('probe'))?.status).toBe('failed');
    const release = await chain.run();
    expect({ status: release.status, probe: release.result.probe }).toEqual({
      status: 'SUCCEEDED',
      probe: {
        state: 'paused',
        by: 'ada',
        since: '2026-11-26T03:00:00Z',
        reason: 'the shop is full',
        total_processed: done,
        percent: Math.floor((done / 60) * 1_000) / 10,
      },
    });
    const only = await chain.run({ only: 'probe' });
    expect(only.cause).toContain('was paused by ada at 2026-11-26T03:00:00Z: the shop is full');
    expect((await line('probe'))?.total_processed).toBe(done);

    await control('paused', null);
    expect((await chain.ended(first.execution)).status).toBe('SUCCEEDED');
    expect(await values()).toEqual(everyRowOnce);
  });

  test('takes up how it is tuned from its next batch on', async () => {
    const { held, letGo } = holdProbe(2);
    const { execution } = background((await chain.run()).result.probe);
    await held;
    await control('tuned', { restSeconds: 0 });
    letGo();
    expect((await chain.ended(execution)).status).toBe('SUCCEEDED');
    // Without rests, all that is left is done in one slice, and not in ten.
    expect((await runOf(execution))?.part).toBe(1);
    expect(await values()).toEqual(everyRowOnce);
  });
});

test('promise 12: whoever asks for one migration that is in the background is told who is at it, and nothing is touched', async () => {
  const { held, letGo } = holdProbe(2);
  const { execution } = background((await chain.run()).result.probe);
  await held;
  const { error, cause } = await chain.run({ only: 'probe' });
  expect(error).toBe('MigrationsAlreadyRunning');
  expect(cause).toContain(`the run ${execution} holds the ledger and is still running`);
  letGo();
  expect((await chain.ended(execution)).status).toBe('SUCCEEDED');
  expect(await values()).toEqual(everyRowOnce);
});
