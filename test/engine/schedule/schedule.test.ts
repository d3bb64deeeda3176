import { Logger } from '@aws-lambda-powertools/logger';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunInput, Slice } from '../../../functions/contract.ts';
import { type BackfillOptions, backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import type { ThrottlePlan } from '../../../functions/engine/schedule/throttle.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';

const hour = 3_600;
const night = { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' };
const noon = Date.parse('2026-07-01T10:00Z'); // in Berlin

describe('A migration with a schedule', () => {
  const options = {
    name: 'add-one',
    table: 'rows',
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + 1` },
  };

  it('is refused when its module is loaded, with what was wrong, got and allowed', () => {
    expect(() => backfill({ ...options, within: 'P1M' })).toThrow(
      'migration "add-one", within: got "P1M", but months have no fixed length: write it in days or weeks; allowed is a time',
    );
    expect(() => backfill({ ...options, window: { ...night, timeZone: 'Berlin' } })).toThrow(
      'migration "add-one", window: got {"from":"22:00","to":"06:00","timeZone":"Berlin"}, whose time zone is not known',
    );
    expect(() => backfill({ ...options, within: '1 week', pace: { restSeconds: 1 } })).toThrow(
      'migration "add-one", pace.restSeconds: got 1, allowed is none beside "within", which works it out',
    );
  });
});

let engine: TestEngine;
const warned = vi.spyOn(Logger.prototype, 'warn');

beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(
    'CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)',
  );
});
afterAll(() => engine.stop());
beforeEach(() => engine.reset());
afterEach(() => {
  vi.mocked(engine.clock.date).mockRestore?.();
  warned.mockClear();
});

const count = 300;
const fill = (rows = count) =>
  engine.database.query(`
    TRUNCATE rows; INSERT INTO rows SELECT n FROM generate_series(1, ${rows}) AS n; ANALYZE rows`);

/** How often rows were changed: `{changed: rows}`. */
async function changes(): Promise<Record<number, number>> {
  const rows = await engine.database.query<{ changed: number; rows: number }>(
    'SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1',
  );
  return Object.fromEntries(rows.map(({ changed, rows: number }) => [changed, number]));
}

interface Line {
  readonly status: string;
  readonly batches: string;
  readonly schedule: ThrottlePlan | null;
  readonly resting: { readonly until: string; readonly reason: string } | null;
}
const line = async () => (await engine.ledger<Line>('migrations'))[0] as Line;

/** A migration whose rows take `ms` each. */
const slow = (ms: number, more: Partial<BackfillOptions> = {}) =>
  backfill({
    name: 'add-one',
    table: 'rows',
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + CASE WHEN pg_sleep(${ms / 1_000}::float8) IS NULL THEN 2 ELSE 1 END` },
    pace: { maxRows: 100, targetSeconds: 0.5 },
    ...more,
  });

/** As its execution in the background does it. */
const alone = { input: { background: 'add-one' } } as const;

let runs = 0;

/** An execution that has got as far as its batches; each call is a slice. */
async function running(
  migration: Migration,
  input: RunInput = { background: migration.name },
): Promise<() => Promise<Slice>> {
  const process = engine.process([migration]);
  const run = caller(`run-${++runs}`);
  await process.invoke({ operation: 'open', run, input });
  await process.invoke({ operation: 'pending', run, migration: migration.name });
  return () => process.invoke({ operation: 'batches', run, migration: migration.name }) as Promise<Slice>;
}

describe('A migration that has its time', () => {
  it('fails before anything is changed if that is too short, and gets its time anew when it is corrected', async () => {
    await fill();
    await expect(engine.run([slow(0.6, { within: '0.1 seconds' })], alone)).rejects.toThrow(
      /^migration "add-one": 300 rows at [\d.]+ ms each take [\d.]+ seconds, but until .* \(within 0.1 seconds\) there are [\d.]+ seconds left: .* Nothing was changed$/,
    );
    expect(await changes()).toEqual({ 0: count });
    expect(await line()).toMatchObject({ status: 'failed', batches: '0' });

    await engine.database.query(
      `UPDATE data_migrations.migrations SET started_at = now() - interval '2 hours'`,
    );
    const result = await engine.run([slow(0, { within: 'PT1H' })], alone);
    expect(result['add-one']).toMatchObject({ total_updated: count });
    expect(await changes()).toEqual({ 1: count });
    const left = Date.parse((await line()).schedule?.must_end_at ?? '') - Date.now();
    expect(left / 1_000 / hour).toBeCloseTo(1, 1);
  });

  it('rests after each batch as its plan says, makes it anew in every slice, and leaves it in the ledger', async () => {
    await fill();
    const next = await running(slow(0.6, { within: 'PT1H' }));
    for (let slices = 0, before = 0; slices < 2; slices += 1) {
      const slice = await next();
      // More than 0.05 s of batches, at a hundredth of the time: too long a rest for a Lambda to wait for.
      expect(slice).toMatchObject({ state: 'more', reason: 'spread over PT1H' });
      expect(slice.total_processed).toBeGreaterThan(before);
      expect(slice.rest_seconds).toBeGreaterThanOrEqual(5);
      const { schedule, resting } = await line();
      expect(resting?.reason).toBe('spread over PT1H');
      expect((Date.parse(resting?.until ?? '') - Date.now()) / 1_000).toBeCloseTo(slice.rest_seconds, -1);
      expect(schedule).toEqual({
        must_end_at: expect.stringMatching(/^\d{4}-.*Z$/),
        ends_at: expect.stringMatching(/^\d{4}-.*Z$/),
        rows_left: count - before,
        seconds_per_row: expect.any(Number),
        batch_rows: 100,
        rest_seconds: expect.any(Number),
        late_seconds: 0,
      });
      expect(schedule?.seconds_per_row).toBeGreaterThan(0.0005);
      expect(schedule?.rest_seconds).toBeCloseTo((schedule?.seconds_per_row ?? 0) * 100 * 99, 3);
      before = slice.total_processed;
    }
    while ((await next()).state === 'more') {}
    expect(await changes()).toEqual({ 1: count });
    const warnings = warned.mock.calls.map(([text]) => String(text));
    expect(warnings.filter((text) => !text.startsWith('the database user is a superuser'))).toEqual([]);
  });

  it('does not fail when it slips later: it rests no more, and says so', async () => {
    await fill();
    const next = await running(slow(0.6, { within: 'PT1H' }));
    await next();
    await engine.database.query(
      `UPDATE data_migrations.migrations SET started_at = now() - interval '2 hours'`,
    );
    expect(await next()).toMatchObject({ state: 'done', rest_seconds: 0, total_updated: count });
    const { schedule } = await line();
    expect(schedule?.late_seconds).toBeGreaterThanOrEqual(hour);
    expect(schedule?.rest_seconds).toBe(0);
    expect(warned).toHaveBeenCalledWith(
      expect.stringMatching(
        /^late, so it rests no more: 200 rows at .* it cannot be done in time, even without rests/,
      ),
      { schedule },
    );
  });

  it('promise 2: leaves nothing of the batch by which it was measured', async () => {
    await fill(1_500);
    const restorable = slow(0, {
      where: sql`changed = 0`,
      within: 'PT1H',
      onInvalid: 'restore',
      pace: { maxRows: 1_000 },
    });
    await engine.run([restorable], { input: { background: restorable.name } });
    expect(await changes()).toEqual({ 1: 1_500 });
    const [journal] = await engine.database.query(
      'SELECT count(*)::int AS rows FROM data_migrations."undo_add-one"',
    );
    expect(journal).toEqual({ rows: 1_500 });

    const inCode = rewrite<{ changed: number }>({
      name: 'add-one-in-code',
      table: 'rows',
      key: 'id',
      immutableKey: true,
      columns: ['changed'],
      transform: ({ changed }) => ({ changed: changed + 1 }),
      within: 'PT1H',
    });
    await engine.run([inCode], { input: { background: inCode.name } });
    expect(await changes()).toEqual({ 2: 1_500 });
    expect(engine.statements.filter((statement) => statement === 'RollbackTransaction')).toHaveLength(2);
    expect(await engine.ledger('migrations')).toMatchObject([{}, { schedule: { late_seconds: 0 } }]);
  });
});

describe('A migration with a maintenance window', () => {
  it('rests until it opens, a day at a time, without touching the table', async () => {
    await fill();
    let hours = 0; // since noon
    const date = vi.spyOn(engine.clock, 'date').mockImplementation(() => noon + hours * hour * 1_000);
    const next = await running(slow(0, { window: night, within: 'P7D' }));
    engine.statements.length = 0;
    const reason = 'outside the maintenance window 22:00–06:00 Europe/Berlin';
    expect(await next()).toMatchObject({
      state: 'more',
      rest_seconds: 10 * hour,
      reason,
      total_processed: 0,
    });
    expect((await line()).resting?.reason).toBe(reason);
    hours = 9.5;
    expect(await next()).toMatchObject({ state: 'more', rest_seconds: hour / 2, reason, total_processed: 0 });
    expect(engine.statements).not.toContain('BeginTransaction'); // by which it would be measured

    // 22:00 has come, and 06:00 comes during the second batch.
    hours = 10;
    let batches = 0;
    engine.between = ({ sql: text, inTransaction }) => {
      if (text.includes('UPDATE "public"."rows"') && !inTransaction && ++batches === 2) {
        hours = 18;
      }
      return 'pass';
    };
    expect(await next()).toMatchObject({
      state: 'more',
      rest_seconds: 16 * hour,
      reason,
      total_processed: 200,
    });
    expect(await changes()).toEqual({ 0: count - 200, 1: 200 });

    date.mockReturnValue(Date.parse('2026-03-28T02:00Z'));
    await engine.reset();
    const missing = { from: '02:00', to: '03:00', timeZone: 'Europe/Berlin' };
    const later = await running(slow(0, { window: missing }));
    expect(await later()).toMatchObject({ state: 'more', rest_seconds: 24 * hour }); // of 46
  });

  it('skips rests and window in the foreground, and nothing else', async () => {
    await fill();
    const date = vi.spyOn(engine.clock, 'date').mockReturnValue(noon);
    const next = await running(slow(0, { window: night, within: 'P7D' }), { mode: 'foreground' });
    engine.slept.length = 0;
    expect(await next()).toMatchObject({ state: 'done', total_updated: count });
    expect(engine.slept).toEqual([]);
    expect((await line()).schedule).toMatchObject({ rows_left: count, rest_seconds: 0 });

    await engine.reset();
    const rested = await running(slow(0, { pace: { maxRows: 100, restSeconds: 60 } }), {
      mode: 'foreground',
    });
    expect(await rested()).toMatchObject({ state: 'done', total_updated: count });

    await engine.reset();
    date.mockRestore();
    const tooLong = engine.process([slow(0.6, { window: night, within: '0.1 seconds' })]);
    const run = caller('too-long');
    await tooLong.invoke({ operation: 'open', run, input: { mode: 'foreground' } });
    await tooLong.invoke({ operation: 'pending', run, migration: 'add-one' });
    await expect(tooLong.invoke({ operation: 'batches', run, migration: 'add-one' })).rejects.toThrow(
      'it cannot be done in time, even without rests',
    );
  });
});
