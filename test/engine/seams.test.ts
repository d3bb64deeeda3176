import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OfOneMigration } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import type { RowOptions } from '../../functions/engine/define/migration.ts';
import { condition } from '../../functions/engine/define/validations.ts';
import { upgradeLedger } from '../../functions/engine/ledger/schema.ts';
import { caller, type LambdaProcess, startEngine, type TestEngine } from '../support/engine.ts';

// Where one feature meets another: parts, redrives of runs that another came after, and what somebody asks for.

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());
beforeEach(fill);

async function fill(): Promise<void> {
  await engine.forget();
  await engine.database.query(`
    DROP TABLE IF EXISTS things, data_migrations.undo_things;
    CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, changes integer NOT NULL);
    INSERT INTO things SELECT n, 'old', 0 FROM generate_series(1, 20) AS n`);
}

const query = <Row extends object>(text: string) => engine.database.query<Row>(text);
/** How many rows were changed how often. */
const changed = () =>
  query<{ changes: number; rows: number }>(
    'SELECT changes, count(*)::int AS rows FROM things GROUP BY changes ORDER BY changes',
  );
const line = async () =>
  (await engine.ledger<{ status: string; claim: string | null }>('migrations'))[0] as {
    status: string;
    claim: string | null;
  };

/** A batch of four rows in each slice. */
const things = (more: Partial<RowOptions> = {}, form = sql`'new'`) =>
  backfill({
    name: 'things',
    table: 'things',
    key: 'id',
    where: sql`form = 'old'`,
    pace: { maxRows: 4, restSeconds: 10 },
    ...more,
    set: { form, changes: sql`changes + 1` },
  });

/** One operation after the other, by hand. */
function asked(process: LambdaProcess, name: string, redrives = 0) {
  const run = caller(name, redrives);
  return {
    open: (input: unknown = {}) => {
      engine.executions.set(run.execution_arn, 'RUNNING');
      return process.invoke({ operation: 'open', run, input });
    },
    ask: (operation: OfOneMigration) =>
      process.invoke({ operation, run, migration: 'things' }) as Promise<{ state: string }>,
    close: () => process.invoke({ operation: 'close', run }),
    fail: () =>
      process.invoke({ operation: 'fail', run, error: 'Failed', cause: 'of a test', last_try: false }),
    stop: () => engine.executions.set(run.execution_arn, 'ABORTED'),
  };
}

describe('A run that goes on in another part', () => {
  it.each([1, 2])('ends when it has its answer, after %i slices too', async (slicesPerExecution) => {
    const migration = things({ onInvalid: 'restore', validate: [condition('counts', sql`changes >= 0`)] });
    await engine.run([migration]);
    const asking = (input: object) => engine.run([migration], { slicesPerExecution, input });
    expect(await asking({ validate: 'things' })).toMatchObject({
      things: { validations: [{ passed: true }] },
    });
    expect(await asking({ restore: 'things' })).toEqual({ things: { restored: 20, left: 0 } });
    expect(await changed()).toEqual([{ changes: 0, rows: 20 }]);
  });

  it.each([1, 2])(
    'promise 2: leaves rows alone that match ever after, after %i slices too',
    async (slices) => {
      const result = await engine.run([things({}, sql`'old'`)], { slicesPerExecution: slices });
      expect(result).toMatchObject({ things: { total_updated: 0, errors: 20 } });
      expect(await changed()).toEqual([{ changes: 0, rows: 20 }]);
    },
  );

  it('spends one error budget, however many parts it has', async () => {
    const migration = things({ errorBudget: 10 }, sql`'old'`);
    await expect(engine.run([migration], { slicesPerExecution: 1 })).rejects.toMatchObject({
      name: 'ErrorBudgetSpent',
    });
  });
});

describe('A run that another one overtakes', () => {
  it('promise 2: does not begin anew what the other has finished since it found work', async () => {
    const migration = things({ where: undefined, immutableKey: true });
    const [slow, quick] = [engine.process([migration]), engine.process([migration])];
    const overtaken = asked(slow, 'overtaken');
    await overtaken.open({ background: 'things' });
    let isOvertaken = false;
    engine.between = async ({ sql: text, process }) => {
      if (process === slow && text === 'BeginTransaction' && !isOvertaken) {
        isOvertaken = true;
        await engine.run([migration], { process: quick, name: 'overtaking', input: { mode: 'foreground' } });
      }
      return undefined;
    };
    await overtaken.ask('pending');
    expect(isOvertaken).toBe(true);
    await overtaken.ask('batches');
    expect(await overtaken.ask('pending')).toMatchObject({ state: 'skipped' });
    expect(await changed()).toEqual([{ changes: 1, rows: 20 }]);
  });
});

describe('A redrive', () => {
  it('promise 5: does not pass over rows that another run has put back', async () => {
    const migration = things({ onInvalid: 'restore' });
    const process = engine.process([migration]);
    const first = asked(process, 'first');
    await first.open();
    await first.ask('pending');
    await first.ask('batches');
    first.stop();
    expect(await engine.run([migration], { input: { restore: 'things' } })).toEqual({
      things: { restored: 4, left: 0 },
    });

    const redriven = asked(process, 'first', 1);
    expect(await redriven.ask('batches')).toMatchObject({ state: 'wait' });
    await redriven.ask('pending');
    while ((await redriven.ask('batches')).state === 'more') {}
    expect(await changed()).toEqual([{ changes: 1, rows: 20 }]);
    await redriven.fail();
    await engine.run([migration]);
    expect(await changed()).toEqual([{ changes: 1, rows: 20 }]);
  });

  it('promise 5: does not finish by validating what another run is still changing', async () => {
    const migration = things({
      onInvalid: 'restore',
      validate: [condition('any', sql`true`)],
    });
    const process = engine.process([migration]);
    const [first, second] = [asked(process, 'first'), asked(process, 'second')];
    await first.open();
    await first.ask('pending');
    while ((await first.ask('batches')).state === 'more') {}
    first.stop();
    await engine.run([migration], { input: { restore: 'things' } });
    await second.open();
    await second.ask('pending');
    await second.ask('batches');
    second.stop();

    const redriven = asked(process, 'first', 1);
    expect(await redriven.ask('validate')).toMatchObject({ state: 'wait' });
    await redriven.ask('pending');
    while ((await redriven.ask('batches')).state === 'more') {}
    expect(await redriven.ask('validate')).toMatchObject({ state: 'passed' });
    expect(await changed()).toEqual([{ changes: 1, rows: 20 }]);
    await redriven.fail();
    await engine.run([migration]);
    expect(await changed()).toEqual([{ changes: 1, rows: 20 }]);
  });

  it('promise 4: of a run that had failed loses its claim when it ends', async () => {
    const process = engine.process([things()]);
    const first = asked(process, 'first');
    await first.open();
    await first.ask('pending');
    await first.ask('batches');
    await first.fail();
    const redriven = asked(process, 'first', 1);
    await redriven.ask('pending');
    await redriven.ask('batches');
    expect(await line()).toMatchObject({ status: 'running', claim: expect.any(String) });
    await redriven.fail();
    expect(await line()).toMatchObject({ status: 'failed', claim: null });
  });
});

describe('What somebody asked for', () => {
  it('and another run went on with is in its result', async () => {
    const migration = things({ onInvalid: 'restore' });
    await engine.run([migration]);
    const first = asked(engine.process([migration]), 'first');
    await first.open({ restore: 'things' });
    await first.ask('pending');
    first.stop();
    expect(await engine.run([migration])).toEqual({ things: { restored: 20, left: 0 } });
  });

  it('to clean up is said as it was, although the invocation came twice', async () => {
    const migration = things({ onInvalid: 'restore' });
    await engine.run([migration]);
    const twice = [engine.process([migration]), engine.process([migration])] as const;
    const [first, late] = [asked(twice[0], 'first'), asked(twice[1], 'first')];
    await first.open({ cleanup: 'things' });
    engine.between = async ({ process, sql: text }) => {
      if (process === twice[1] && text.includes('cleaned_up_at IS NOT NULL')) {
        await first.ask('cleanup');
      }
      return undefined;
    };
    await late.ask('cleanup');
    expect(await first.close()).toMatchObject({
      result: { things: { cleaned_up: [expect.stringContaining('undo_things')] } },
    });
  });
});

it('promise 8: a journal that comes halfway is refused, since it could not restore what was changed before', async () => {
  const first = asked(engine.process([things()]), 'first');
  await first.open();
  await first.ask('pending');
  await first.ask('batches');
  first.stop();
  await expect(engine.run([things({ onInvalid: 'restore' })])).rejects.toMatchObject({
    name: 'MigrationFailed',
    message: expect.stringMatching(/begun without an undo journal.*until it is finished/),
  });
  await engine.run([things()]);
  expect(await changed()).toEqual([{ changes: 1, rows: 20 }]);
});
