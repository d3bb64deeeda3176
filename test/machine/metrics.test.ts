import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Background, Counters, ResultMap } from '../../functions/contract.ts';
import { type MetricName, metrics } from '../../functions/metrics.ts';
import { askedMetrics, named } from '../infra/operations/asked-metrics.ts';
import { logQueries } from '../infra/operations/log-queries.ts';
import { synthesized } from '../infra/synthesized.ts';
import { prepareDemo } from '../support/demo.ts';
import { type Emitted, emittedIn, jsonLines } from '../support/emitted.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

/** What no run sends, but the function that looks for what stands still or has failed unseen. */
const sentElsewhere: readonly string[] = ['MigrationsStalled of stack', 'FollowUpsFailed of stack'];

const stack = synthesized();
let chain: TestRuntime;
/** What became of each migration in the end. */
let results: ResultMap;
let emitted: Emitted[];
let lines: Readonly<Record<string, unknown>>[];

beforeAll(async () => {
  chain = await startTestRuntime({
    environment: { POWERTOOLS_LOG_LEVEL: 'INFO', POWERTOOLS_METRICS_DISABLED: 'false' },
  });
  await prepareDemo({ connectionString: chain.database.url }, true);
  await chain.database.query(`ALTER DATABASE ${chain.database.name} SET search_path = demo, public`);

  // A run that fails, one that is held under pressure, two starts that are refused, one in the background that is stopped, and one that
  // finishes what that has begun.
  expect(await chain.run({ retry: 'audience-updated-at' })).toMatchObject({ error: 'MigrationFailed' });
  const letGo = await waiterForRow();
  const held = await chain.start();
  await until(() => hasSaid('"hold"'));
  expect(await chain.run()).toMatchObject({ error: 'MigrationsAlreadyRunning' });
  expect(await chain.run({ mode: 'quick' })).toMatchObject({ error: 'InvalidInput' });
  await letGo();
  const release = await chain.ended(held);
  await until(() => hasSaid('spread over'));
  await chain.stop((release.result['ci-builds-stage-id'] as Background).execution);
  const foreground = await chain.run({ mode: 'foreground' });
  results = { ...release.result, 'ci-builds-stage-id': foreground.result['ci-builds-stage-id'] as Counters };
  // What a function wrote last arrives a moment after its answer.
  await until(() => chain.log.filter((line) => line.includes('"RunsSucceeded"')).length === 2);
  emitted = emittedIn(chain.log);
  lines = jsonLines(chain.log);
}, 120_000);
afterAll(() => chain.close());

/** Somebody waits for more than a second for a row of the first table that is migrated. */
async function waiterForRow(): Promise<() => Promise<void>> {
  const [holder, waiter] = [new Client(chain.database.url), new Client(chain.database.url)];
  await Promise.all([holder.connect(), waiter.connect()]);
  const lock = 'SELECT FROM demo.users WHERE id = 1 FOR UPDATE';
  await holder.query('BEGIN');
  await holder.query(lock);
  const waiting = waiter.query(lock);
  await sleep(1_100);
  return async () => {
    await holder.end();
    await waiting;
    await waiter.end();
  };
}

const hasSaid = (text: string): boolean => chain.log.some((line) => line.includes(text));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await sleep(20);
  }
}

const sum = (name: MetricName, migration?: string): number =>
  emitted
    .filter(
      (each) => each.name === name && (migration === undefined || each.dimensions.migration === migration),
    )
    .flatMap(({ values }) => values)
    .reduce((all, value) => all + value, 0);

describe('the metrics that runs of the demo send', () => {
  const sent = () =>
    new Set(emitted.flatMap(({ name, dimensionSets }) => dimensionSets.map((each) => named(name, each))));

  it('are all that a widget or an alarm asks for', () => {
    expect(askedMetrics(stack).filter((each) => !sent().has(each) && !sentElsewhere.includes(each))).toEqual(
      [],
    );
  });

  it('are each asked for by a widget or an alarm', () => {
    const asked = new Set(askedMetrics(stack).map((each) => each.split(' ')[0]));
    expect([...new Set(emitted.map(({ name }) => name))].filter((name) => !asked.has(name))).toEqual([]);
  });

  it('are those of the table, with its units', () => {
    const units = Object.fromEntries(emitted.map(({ name, unit }) => [name, unit]));
    const table = Object.entries(metrics).filter(([name]) => !sentElsewhere.includes(named(name, ['stack'])));
    expect(units).toEqual(Object.fromEntries(table.map(([name, { unit }]) => [name, unit])));
  });

  it('have the name of the stack, so that two stacks are told apart', () => {
    expect(new Set(emitted.map(({ dimensions }) => dimensions.stack))).toEqual(new Set(['data-migrations']));
  });

  it('add up to what the result map says', () => {
    const { next_jobs: _, next_executions: __, ...migrations } = results;
    for (const [name, result] of Object.entries(migrations)) {
      const { total_processed, total_updated, errors } = result as Counters;
      expect({
        name,
        processed: sum('RowsProcessed', name),
        updated: sum('RowsUpdated', name),
      }).toEqual({ name, processed: total_processed, updated: total_updated });
      // A run that goes on with a migration tries its bad rows again.
      expect(sum('RowErrors', name)).toBeGreaterThanOrEqual(errors);
    }
    expect(Object.keys(migrations)).toHaveLength(5);
  });

  it('count each run once, those in the background too; no start that is refused, and no end of one that was stopped', () => {
    expect([sum('RunsStarted'), sum('RunsSucceeded'), sum('RunsFailed')]).toEqual([4, 2, 1]);
  });

  it('have the sessions that wait for a lock, as slices see them before their batches', () => {
    const seen = (migration: string) =>
      emitted
        .filter(({ name, dimensions }) => name === 'LockWaits' && dimensions.migration === migration)
        .flatMap(({ values }) => values);
    // One waits for its first look, and others may, of other databases of the server.
    expect(seen('users-full-name')[0]).toBeGreaterThanOrEqual(1);
    const held = lines.find(({ hold }) => hold !== undefined);
    expect(held?.LockWaits).toBe(seen('users-full-name')[0]);
  });

  it('have the time of each batch, and its lock is a part of that', () => {
    const slices = lines.filter(({ message }) => message === 'slice');
    const inLog = slices.map(
      ({ BatchSeconds }) => (BatchSeconds as { count?: number } | undefined)?.count ?? 0,
    );
    const values = (name: MetricName) =>
      emitted.filter((each) => each.name === name).flatMap((each) => each.values);
    const batches = values('BatchSeconds');
    expect(batches).toHaveLength(inLog.reduce((all, count) => all + count, 0));
    expect(batches.length).toBeGreaterThan(20);
    const locks = values('LockSeconds');
    expect(locks.filter((seconds, i) => seconds > (batches[i] ?? 0))).toEqual([]);
  });
});

describe('the queries saved for Logs Insights', () => {
  const queries = logQueries(stack);

  it('are of slices, holds, row errors, failures and the slowest batches', () => {
    expect([...queries.keys()].toSorted()).toEqual(
      ['Failures', 'Holds', 'Row errors', 'Slices', 'Slowest batches'].map(
        (name) => `data-migrations/${name}`,
      ),
    );
  });

  it.each([...queries])('%s finds lines of a run, which have all of its fields', (_, query) => {
    const found = lines.filter(query.matches);
    expect(found.length).toBeGreaterThan(0);
    for (const field of query.fields) {
      expect({
        field,
        lines: found.filter((line) => query.valueIn(line, field) !== undefined).length,
      }).not.toEqual({
        field,
        lines: 0,
      });
    }
  });

  it('find a line for each slice, and what held it', () => {
    const find = (name: string) => {
      const query = queries.get(`data-migrations/${name}`);
      return lines.filter((line) => query?.matches(line));
    };
    expect(find('Holds')[0]).toMatchObject({
      migration: 'users-full-name',
      hold: { reason: expect.stringMatching(/^process \d+ has waited .* for a lock on demo.users$/) },
    });
    expect(find('Failures')).toMatchObject([
      { error: 'MigrationFailed', cause: expect.stringContaining('no rows') },
    ]);
    expect(new Set(find('Row errors').map(({ migration }) => migration))).toEqual(
      new Set(['ci-builds-stage-id']),
    );
    expect(find('Slices').length).toBeGreaterThan(5);
  });
});
