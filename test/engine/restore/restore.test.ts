import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { type Sql, sql } from '../../../functions/engine/database/sql.ts';
import type { Migration, RowOptions } from '../../../functions/engine/define/migration.ts';
import type { RowMigration } from '../../../functions/engine/define/registered.ts';
import { condition, type Validation } from '../../../functions/engine/define/validations.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';
import { untilLockWait } from '../../support/lock-waits.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
  await engine.database.query(`
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TYPE pair AS (a float8, b text);
    CREATE DOMAIN percent AS numeric CHECK (VALUE <= 100)`);
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('DROP TABLE IF EXISTS things, data_migrations.undo_things CASCADE');
});

const never = condition('never', sql`false`);
const options: RowOptions = {
  name: 'things',
  table: 'things',
  key: 'id',
  where: sql`form = 'old'`,
  validate: [never],
  onInvalid: 'restore',
};

/** The same change in SQL and in TypeScript: `form` becomes new, and these columns get these values. */
const kinds: Record<string, (values: Readonly<Record<string, Sql | null>>) => Migration> = {
  backfill: (values) =>
    backfill({
      ...options,
      set: {
        form: sql`'new'`,
        ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, sql`${value}`])),
      },
    }),
  rewrite: (values) =>
    rewrite({
      ...options,
      columns: ['form', ...Object.keys(values)],
      transform: () => ({
        form: 'new',
        ...Object.fromEntries(
          Object.entries(values).map(([name, value]) => [
            name,
            value === null ? null : value.pieces.join('').replaceAll("'", ''),
          ]),
        ),
      }),
    }),
};

const query = <Row extends object>(text: string) => engine.database.query<Row>(text);
const rowsNow = () => query<{ id: number }>('SELECT * FROM things ORDER BY id');
const restored = (count: number, left: number | 'none') =>
  left === 'none'
    ? `So ${count} of the rows that it had changed were put back, and none had been changed since`
    : `So ${count} of the rows that it had changed were put back, and ${left} left, because they had been changed since`;

/** Runs until the validation has failed, and all has been put back. */
async function failing(migration: Migration, message: string): Promise<void> {
  await expect(engine.run([migration])).rejects.toMatchObject({
    name: 'ValidationFailed',
    message: expect.stringContaining(message),
  });
}

describe.each(Object.entries(kinds))('A %s is restored', (kind, make) => {
  it('to exactly the former values, whatever their types', async () => {
    const types = {
      j: 'json',
      jb: 'jsonb',
      b: 'bytea',
      t: 'timestamptz',
      n: 'numeric',
      f: 'float8',
      r: 'real',
      ts: 'text[]',
      p: 'pair',
      ps: 'pair[]',
      m: 'mood',
      d: 'percent',
      c: 'char(5)',
      v: 'varchar(5)',
      u: 'uuid',
      iv: 'interval',
      ir: 'int4range',
      bits: 'bit(3)',
      x: 'xml',
    };
    const columns = Object.entries(types).map(([name, type]) => `${name} ${type}`);
    await query(`CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, ${columns.join(', ')})`);
    await query(`INSERT INTO things VALUES
      (1, 'old', '{"b": 1, "a": {"z":  [], "b": 2.50}}', '{"b": 1.50, "a": "\\u00e9"}', '\\x00ff10', '2024-10-27 02:30:00.123456+01',
        123456789012345678901234567890.1234567890, 'NaN', 'Infinity', '{"a,b","\\"q\\"",NULL,""}', ROW(0.1, 'a "b", (c)'),
        ARRAY[ROW(1e-300, NULL)::pair, NULL], 'sad', 99.90, 'ab', 'abcde', gen_random_uuid(), '1 mon -2 days 03:00:00.5', '[1,5)', B'101',
        '<a b="c">d</a>'),
      (2, 'old', 'null', 'null', '', 'infinity', 'NaN', -0.0, 3.4028235e38, '{}', ROW(NULL, NULL), '{}', 'happy', 0, '', '', NULL,
        '-1 years', 'empty', B'000', NULL),
      (3, 'old', '"1"', '[1, "1", null]', '\\x27', '0044-03-15 12:00:00+00 BC', 0.000, 0.1, 1.1, '{{a,b},{c,d}}', NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL)`);
    await query(`INSERT INTO things (id, form) VALUES (4, 'old'), (5, 'new')`);
    const exactly = () => query('SELECT things::text, j::text FROM things ORDER BY id');
    const before = await exactly();

    const nulls = Object.fromEntries(Object.keys(types).map((name) => [name, null]));
    await failing(make(nulls), restored(4, 'none'));
    expect(await exactly()).toEqual(before);
    expect(await query('SELECT FROM data_migrations.undo_things')).toEqual([]);
  });

  it('although triggers change the rows that it changes, before and after', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, before integer NOT NULL DEFAULT 0,
        after integer NOT NULL DEFAULT 0);
      CREATE OR REPLACE FUNCTION touch_before() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.before := NEW.before + 1; RETURN NEW; END';
      CREATE OR REPLACE FUNCTION touch_after() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN UPDATE things SET after = after + 1 WHERE id = NEW.id; RETURN NULL; END';
      CREATE TRIGGER before BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION touch_before();
      CREATE TRIGGER after AFTER UPDATE OF form ON things FOR EACH ROW EXECUTE FUNCTION touch_after();
      INSERT INTO things SELECT n, 'old' FROM generate_series(1, 5) AS n`);
    await failing(make({}), restored(5, 'none'));
    expect(await rowsNow()).toEqual(
      [1, 2, 3, 4, 5].map((id) => ({ id, form: 'old', before: 4, after: 2 })), // two updates of ours, two of the trigger's
    );
  });

  it('to what another transaction, which held the row, made of it', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, value text NOT NULL);
      INSERT INTO things SELECT n, 'old', 'a' FROM generate_series(1, 5) AS n`);
    const other = new pg.Client({ connectionString: engine.database.url });
    await other.connect();
    await other.query(`BEGIN; UPDATE things SET value = 'theirs' WHERE id = 3`);
    const running = failing(make({ value: sql`'b'` }), restored(5, 'none'));
    await untilLockWait(engine.database);
    await other.query('COMMIT');
    await other.end();
    await running;
    expect(await rowsNow()).toEqual(
      [1, 2, 3, 4, 5].map((id) => ({ id, form: 'old', value: id === 3 ? 'theirs' : 'a' })),
    );
  });

  it('except rows that the application has changed since, even to the same value, or deleted', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, other text, value text);
      INSERT INTO things SELECT n, 'old', 'a', 'a' FROM generate_series(1, 10) AS n;
      UPDATE things SET form = 'new' WHERE id = 10`);
    const [untouched] = await query(`SELECT xmin, things FROM things WHERE id = 10`);
    engine.between = async ({ sql: text }): Promise<Fault> => {
      if (!text.includes('"f#0"') || text.startsWith('EXPLAIN')) {
        return 'pass';
      }
      await query(`
        UPDATE things SET other = 'b' WHERE id = 1;
        UPDATE things SET value = value WHERE id = 2;
        UPDATE things SET form = 'old', value = 'c' WHERE id = 3;
        DELETE FROM things WHERE id = 4`);
      return 'pass';
    };
    await failing(make({ value: sql`'b'` }), restored(5, 4));
    expect(await rowsNow()).toEqual([
      { id: 1, form: 'new', other: 'b', value: 'b' },
      { id: 2, form: 'new', other: 'a', value: 'b' },
      { id: 3, form: 'old', other: 'a', value: 'c' },
      ...[5, 6, 7, 8, 9].map((id) => ({ id, form: 'old', other: 'a', value: 'a' })),
      { id: 10, form: 'new', other: 'a', value: 'a' },
    ]);
    expect(await query(`SELECT xmin, things FROM things WHERE id = 10`)).toEqual([untouched]);
    // What the rows that are left were before can still be read.
    expect(await query('SELECT "k#0" AS id, before FROM data_migrations.undo_things ORDER BY 1')).toEqual(
      [1, 2, 3, 4].map((id) => ({ id, before: { form: 'old', value: 'a' } })),
    );
  });

  it('column by column, although a later release, which changes others, does it', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, a text, b text, c text);
      INSERT INTO things SELECT n, 'old', 'a', NULL, 'c' FROM generate_series(1, 5) AS n`);
    const before = await rowsNow();
    await diesRestoring(make({ a: sql`'x'`, b: sql`'x'` }));
    expect(await rowsNow()).not.toEqual(before);
    const corrected = make({ c: sql`'x'` });
    await failing(corrected, `"never" failed for 5 rows: (1), (2), (3), (4), (5). ${restored(5, 'none')}`);
    expect(await rowsNow()).toEqual(before);
    const unchecked: RowMigration = { ...rowsOf(corrected), validate: [] };
    const result = await engine.run([unchecked]);
    expect(result.things).toMatchObject({ total_processed: 5, total_updated: 5 });
    expect(await rowsNow()).toEqual(before.map((row) => ({ ...row, form: 'new', c: 'x' })));
  });

  it('so that the rows are left to do again, by its marker too', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL);
      INSERT INTO things SELECT n, 'old' FROM generate_series(1, 5) AS n`);
    const migration = (validate: readonly Validation[]) => {
      const marked = { ...options, validate, marker: 'done' };
      return kind === 'backfill'
        ? backfill({ ...marked, set: { form: sql`'new'` } })
        : rewrite({ ...marked, columns: ['form'], transform: () => ({ form: 'new' }) });
    };
    await failing(migration([never]), restored(5, 'none'));
    expect(await rowsNow()).toEqual([1, 2, 3, 4, 5].map((id) => ({ id, form: 'old', done: false })));
    const result = await engine.run([migration([])]);
    expect(result.things).toMatchObject({ total_updated: 5 });
    expect(await rowsNow()).toEqual([1, 2, 3, 4, 5].map((id) => ({ id, form: 'new', done: true })));
  });
});

/** A run whose machine is stopped just before it restores. */
async function diesRestoring(migration: Migration): Promise<void> {
  const process = engine.process([migration]);
  const run = caller('dies');
  engine.executions.set(run.execution_arn, 'RUNNING');
  await process.invoke({ operation: 'open', run, input: {} });
  for (const [operation, state] of [
    ['pending', 'pending'],
    ['batches', 'validate'],
    ['validate', 'restore'],
  ] as const) {
    expect(await process.invoke({ operation, run, migration: 'things' })).toMatchObject({ state });
  }
  engine.executions.set(run.execution_arn, 'ABORTED');
}

describe('Restoring', () => {
  const migration = (more: Partial<RowOptions> = {}, set = sql`'b'`) =>
    backfill({ ...options, validate: [], set: { form: sql`'new'`, value: set }, ...more });
  const table = (rows: number) =>
    query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, value text);
      INSERT INTO things SELECT n, 'old', 'a' || n FROM generate_series(1, ${rows}) AS n`);
  const forms = () => query('SELECT form, count(*)::int AS rows FROM things GROUP BY 1 ORDER BY 1');
  const restore = { input: { restore: 'things' } } as const;

  it('is done because somebody asks for it, and owes the follow-up jobs for the former rows', async () => {
    const arn = 'arn:aws:states:eu-central-1:123456789012:stateMachine:job';
    const followUps = { job: arn };
    const rebuilding = migration({ rebuilds: ['job'] });
    await table(5);
    expect(await engine.run([rebuilding], { followUps })).toMatchObject({ next_jobs: ['job'] });
    await query('VACUUM (FREEZE) things'); // is no change
    await query(`UPDATE things SET value = 'c' WHERE id = 2`);
    const asked = await engine.run([rebuilding], { ...restore, followUps, name: 'asked' });
    expect(asked).toEqual({
      things: { restored: 4, left: 1 },
      next_jobs: ['job'],
      next_executions: ['arn:aws:states:eu-central-1:123456789012:execution:job:asked'],
    });
    expect(await forms()).toEqual([
      { form: 'new', rows: 1 },
      { form: 'old', rows: 4 },
    ]);
    await expect(engine.run([rebuilding], { ...restore, followUps })).rejects.toThrow(
      'migration "things" cannot be restored: that has been done already; started again, it begins anew',
    );
    expect((await engine.run([rebuilding], { followUps })).things).toMatchObject({ total_updated: 4 });
  });

  it('goes on for whoever asks for it, although a failed validation began it', async () => {
    await table(5);
    await diesRestoring(migration({ validate: [never] }));
    expect(await engine.run([migration({ validate: [never] })], restore)).toEqual({
      things: { restored: 5, left: 0 },
    });
  });

  it('is refused where there is nothing to restore from, and says what to do', async () => {
    await table(5);
    const unjournaled = migration({ onInvalid: 'fail' });
    await expect(engine.run([unjournaled], restore)).rejects.toThrow('it has never run');
    await engine.run([unjournaled]);
    await expect(engine.run([unjournaled], restore)).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringContaining(
        `it keeps no undo journal, so nobody knows what its rows were before. onInvalid`,
      ),
    });
    expect(await engine.ledger('migrations')).toMatchObject([{ status: 'finished' }]);
  });

  it('leaves what an earlier life of the migration has changed, unless somebody asks', async () => {
    await table(5);
    await engine.run([migration()]);
    await query(`INSERT INTO things SELECT n, 'old', 'a' || n FROM generate_series(6, 8) AS n`);
    await failing(migration({ validate: [never] }), restored(3, 'none'));
    expect(await forms()).toEqual([
      { form: 'new', rows: 5 },
      { form: 'old', rows: 3 },
    ]);
    await engine.run([migration()]);
    expect(await engine.run([migration()], restore)).toEqual({ things: { restored: 8, left: 0 } });
    expect(await rowsNow()).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((id) => ({ id, form: 'old', value: `a${id}` })),
    );
  });

  it('leaves what a finished migration has changed when a validation fails after its bad rows were retried', async () => {
    await table(5);
    await query(`UPDATE things SET value = 'bad' WHERE id = 3`);
    const cast = sql`1 / (value <> 'bad')::integer`; // a bad row's fault
    expect((await engine.run([migration({}, cast)])).things).toMatchObject({ total_updated: 4, errors: 1 });
    await query(`UPDATE things SET value = 'good' WHERE id = 3`);
    await expect(
      engine.run([migration({ validate: [never] }, cast)], { input: { retry: 'things' } }),
    ).rejects.toThrow(restored(1, 'none'));
    expect(await query(`SELECT id, value FROM things WHERE form = 'old'`)).toEqual([
      { id: 3, value: 'good' },
    ]);
  });

  it('gives a row that the application brought back to the old form, and was changed again, what it had made of it', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, value integer);
      INSERT INTO things SELECT n, 'old', 9 FROM generate_series(1, 2) AS n`);
    const negated = backfill({
      ...options,
      validate: [],
      where: sql`value > 0`,
      set: { value: sql`-value` },
      pace: { maxRows: 1 },
    });
    let done = false;
    engine.between = async ({ sql: text }) => {
      if (!done && text.includes('UPDATE "public"."things"')) {
        done =
          (await query('UPDATE things SET value = 5 WHERE id = 1 AND value < 0 RETURNING id')).length === 1;
      }
      return 'pass' as const;
    };
    expect((await engine.run([negated])).things).toMatchObject({ total_updated: 3, errors: 0 });
    expect(await rowsNow()).toMatchObject([{ value: -5 }, { value: -9 }]);
    expect(await engine.run([negated], restore)).toEqual({ things: { restored: 2, left: 0 } });
    expect(await rowsNow()).toMatchObject([{ value: 5 }, { value: 9 }]);
  });

  it('gives a row that two releases of the migration have changed what it had before the first', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, value integer);
      INSERT INTO things SELECT n, 'old', 9 FROM generate_series(1, 3) AS n`);
    const made = (form: string, value: Sql) =>
      backfill({
        ...options,
        validate: [],
        where: sql`form <> ${form}`,
        set: { form: sql`${form}`, value },
        pace: { maxRows: 1 },
        errorBudget: 0,
      });
    const failing = made('new', sql`1 / (3 - id)`);
    await expect(engine.run([failing])).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
    const corrected = made('newer', sql`0`);
    expect((await engine.run([corrected])).things).toMatchObject({ total_updated: 5, errors: 0 });
    expect(await engine.run([corrected], restore)).toEqual({ things: { restored: 3, left: 0 } });
    expect(await query('SELECT DISTINCT form, value FROM things')).toEqual([{ form: 'old', value: 9 }]);
  });

  it('leaves a row that cannot be put back, records why, and puts back all others', async () => {
    await table(8);
    await query('CREATE UNIQUE INDEX ON things (value) WHERE value <> $$b$$');
    await engine.run([migration()]);
    await query(`INSERT INTO things VALUES (99, 'new', 'a3')`);
    expect(await engine.run([migration()], restore)).toEqual({ things: { restored: 7, left: 1 } });
    expect(await engine.ledger('row_errors')).toMatchObject([
      {
        key: ['3'],
        sqlstate: '23505',
        reason: expect.stringMatching(/^it could not be put back: .*duplicate key/),
      },
    ]);
  });

  it('says what to do about a column that is gone, and goes on once it is there', async () => {
    await table(5);
    await engine.run([migration()]);
    await query('ALTER TABLE things RENAME value TO price');
    const renamed = backfill({ ...options, validate: [], set: { form: sql`'new'` } });
    await expect(engine.run([renamed], restore)).rejects.toThrow(
      'its undo journal data_migrations."undo_things" has values of value, which the table does not have any more',
    );
    await query('ALTER TABLE things RENAME price TO value');
    expect(await engine.run([renamed], restore)).toEqual({ things: { restored: 5, left: 0 } });
  });

  it('leaves to the database the columns that a rewrite only reads, because they are generated', async () => {
    await query(`
      CREATE TABLE things (id integer PRIMARY KEY, form text NOT NULL, number integer GENERATED ALWAYS AS IDENTITY,
        name text GENERATED ALWAYS AS (id || ' ' || form) STORED);
      INSERT INTO things SELECT n, 'old' FROM generate_series(1, 5) AS n`);
    const before = await rowsNow();
    const greeting = rewrite({
      ...options,
      validate: [],
      columns: ['form', 'number', 'name'],
      transform: ({ number, name }) => ({ form: `${number}, ${name}` }),
    });
    await engine.run([greeting]);
    expect(await rowsNow()).toMatchObject([1, 2, 3, 4, 5].map((id) => ({ form: `${id}, ${id} old` })));
    expect(await engine.run([greeting], restore)).toEqual({ things: { restored: 5, left: 0 } });
    expect(await rowsNow()).toEqual(before);

    await engine.run([greeting]);
    // As the releases kept it that journaled all columns.
    await query(`
      UPDATE data_migrations.undo_things SET before = before || jsonb_build_object('number', '7', 'name', "k#0" || ' old')`);
    expect(await engine.run([greeting], restore)).toEqual({ things: { restored: 5, left: 0 } });
    expect(await rowsNow()).toEqual(before);
  });

  it('waits for a row that somebody holds, and leaves it to them if they changed it', async () => {
    await table(5);
    await engine.run([migration()]);
    const other = new pg.Client({ connectionString: engine.database.url });
    await other.connect();
    await other.query(`BEGIN; UPDATE things SET value = 'theirs' WHERE id = 3`);
    const running = engine.run([migration()], restore);
    await untilLockWait(engine.database);
    await other.query('COMMIT');
    await other.end();
    expect(await running).toEqual({ things: { restored: 4, left: 1 } });
    expect(await query('SELECT form, value FROM things WHERE id = 3')).toEqual([
      { form: 'new', value: 'theirs' },
    ]);
  });

  it('goes on over slices and parts, page by page', async () => {
    await table(10);
    const inPages = migration({ pace: { maxRows: 3 } });
    await engine.run([inPages]);
    let late = 0;
    const now = vi.spyOn(engine.clock, 'now').mockImplementation(() => performance.now() / 1_000 + late);
    engine.between = ({ sql: text }) => {
      if (text.includes('struck_out')) {
        late += 1_000; // one page, and the slice is over
      }
      return 'pass';
    };
    const opened: string[] = [];
    const after = ({ operation, run }: { operation: string; run: { execution_arn: string } }) =>
      operation === 'open' && opened.push(run.execution_arn);
    const result = await engine.run([inPages], { ...restore, slicesPerExecution: 2, after });
    now.mockRestore();
    expect(result).toEqual({ things: { restored: 10, left: 0 } });
    expect(opened.length).toBeGreaterThan(2);
    expect(await forms()).toEqual([{ form: 'old', rows: 10 }]);
  });
});
