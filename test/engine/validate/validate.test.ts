import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunInput, ValidationResult } from '../../../functions/contract.ts';
import { type BackfillOptions, backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import {
  condition,
  emailFormat,
  foreignKey,
  noNulls,
  oneOf,
  unique,
  type Validation,
} from '../../../functions/engine/define/validations.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ statementTimeoutSeconds: 0.5 });
  await upgradeLedger(engine.dataApi());
  await engine.database.query(`
    CREATE TABLE teams (region text, number integer, PRIMARY KEY (region, number));
    INSERT INTO teams VALUES ('eu', 1), ('eu', 2);
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE people (id integer PRIMARY KEY, email text, name text, region text, team integer, mood mood,
      age integer, active boolean, done boolean NOT NULL DEFAULT false);
    CREATE INDEX ON people (email)`);
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('TRUNCATE people');
});

/** People who pass every check; a few of them otherwise. */
async function people(count: number, others: Readonly<Record<number, string>> = {}): Promise<void> {
  await engine.database.query(
    `INSERT INTO people SELECT n, 'a' || n || '@example.com', 'Ada', 'eu', 1 + n % 2, 'happy', n, true
     FROM generate_series(1, $1::int) AS n`,
    [count],
  );
  for (const [id, assignment] of Object.entries(others)) {
    await engine.database.query(`UPDATE people SET ${assignment} WHERE id = ${id}`);
  }
}

const migration = (validate: readonly Validation[], options: Partial<BackfillOptions> = {}) =>
  backfill({
    name: 'people',
    table: 'people',
    key: 'id',
    where: sql`NOT done`,
    set: { done: sql`true` },
    validate,
    ...options,
  });

async function found(
  validate: readonly Validation[],
  options?: Partial<BackfillOptions>,
): Promise<readonly ValidationResult[]> {
  const result = await engine.run([migration(validate, options)], { input: { validate: 'people' } });
  return (result.people as { validations: ValidationResult[] }).validations;
}

const fails = (name: string, ...keys: string[]) =>
  keys.length === 0
    ? { name, passed: true, failed_rows: 0 }
    : { name, passed: false, failed_rows: keys.length, keys };

describe('A run that is only asked to validate', () => {
  it('says what each kind of validation finds, of a migration that has never run, and changes nothing', async () => {
    await people(20, {
      2: 'name = NULL',
      3: 'name = NULL, email = NULL', // no address is no wrong address
      4: `email = 'nobody'`,
      5: `email = 'a@b@example.com'`,
      6: `email = 'a b@example.com'`,
      7: `email = 'a@localhost'`,
      8: `email = E'a8@example.com\\n'`,
      9: `email = 'Jörg.O''Neil+tag@mail.straße.example'`,
      10: `email = 'a11@example.com'`,
      12: 'team = 3',
      13: 'team = NULL', // points nowhere
      14: `mood = 'sad'`,
      15: 'mood = NULL, age = NULL',
      16: 'age = -1, active = false',
    });
    const before = await engine.database.query('SELECT xmin, people FROM people ORDER BY id');
    const adults = { ...condition('adult_or_unknown', sql`age >= 0 OR age IS NULL`) };
    const results = await found([
      noNulls('name', 'email'),
      { ...noNulls('team'), name: 'team_present' },
      emailFormat('email'),
      unique('email'),
      foreignKey(['region', 'team'], { table: 'teams', columns: ['region', 'number'] }),
      oneOf('mood', ['happy', 'cheerful']),
      { ...oneOf('active', [true]), name: 'active' },
      { ...oneOf('age', [...Array(21).keys()]), name: 'age_known' },
      condition('adult', sql`age >= 0`),
      adults,
    ]);
    expect(results).toEqual([
      fails('no_nulls', '2', '3'),
      fails('team_present', '13'),
      fails('email_format', '4', '5', '6', '7', '8'),
      fails('unique', '10', '11'),
      fails('foreign_key', '12'),
      fails('value_set', '14'),
      fails('active', '16'),
      fails('age_known', '16'),
      fails('adult', '15', '16'),
      fails('adult_or_unknown', '16'),
    ]);
    expect(await engine.database.query('SELECT xmin, people FROM people ORDER BY id')).toEqual(before);
    expect(await engine.ledger('migrations')).toEqual([]);
  });

  it('only says so, whatever onInvalid says', async () => {
    await people(1, { 1: 'name = NULL' });
    expect(await found([noNulls('name')], { onInvalid: 'restore' })).toEqual([fails('no_nulls', '1')]);
    expect(await found([])).toEqual([]);
  });

  it('walks large tables in pages, shows ten keys of many, and sees pairs across pages', async () => {
    await people(1_500, { 1500: `email = 'a1@example.com'` });
    await engine.database.query('UPDATE people SET age = NULL WHERE id % 100 = 0');
    const results = await found([unique('email'), noNulls('age')]);
    const firstTen = [...Array(10).keys()].map((n) => String((n + 1) * 100));
    expect(results).toEqual([
      fails('unique', '1', '1500'),
      { name: 'no_nulls', passed: false, failed_rows: 15, keys: firstTen },
    ]);
    expect(pages()).toBe(3); // 100 + 400 + 1000
  });

  it('goes on from where it is although answers get lost, and never back although a call arrives late', async () => {
    await people(600, { 1: 'name = NULL', 599: 'name = NULL' });
    const run = caller('late');
    engine.executions.set(run.execution_arn, 'RUNNING');
    const [first, second] = [1, 2].map(() => engine.process([migration([noNulls('name')])], { attempts: 1 }));
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let moves = 0;
    engine.between = async ({ sql: text, process }): Promise<Fault> => {
      if (!text.includes('SET stage')) {
        return 'pass';
      }
      moves += 1;
      if (process === second) {
        return moves % 2 === 0 ? 'lose-answer' : 'pass';
      }
      process.kill();
      await released;
      return 'pass';
    };
    const validate = { operation: 'validate', run, migration: 'people' } as const;
    await first?.invoke({ operation: 'open', run, input: { validate: 'people' } });
    await expect(first?.invoke(validate)).rejects.toThrow('was killed');
    expect(await second?.invoke(validate)).toMatchObject({ state: 'passed', rest_seconds: 0 });
    const [line] = await engine.ledger('runs');
    expect(line).toMatchObject({
      stage: { ended: true, rows: 600 },
      results: { people: { validations: [fails('no_nulls', '1', '599')] } },
    });
    release();
    await engine.settled();
    expect(await engine.ledger('runs')).toMatchObject([{ stage: { ended: true, rows: 600 } }]);
  });

  it('looks at all rows anew where an earlier release has counted in other words', async () => {
    await people(20, { 7: 'name = NULL' });
    const run = caller('upgraded');
    engine.executions.set(run.execution_arn, 'RUNNING');
    const process = engine.process([migration([noNulls('name')])]);
    await process.invoke({ operation: 'open', run, input: { validate: 'people' } });
    const earlier = { name: 'no_nulls', failedRows: 0, keys: [] };
    const at = { pages: 1, rows: 10, cursor: ['10'], ended: false, seconds: 1, secondsPerRow: 0.001 };
    await engine.database.query('UPDATE data_migrations.runs SET stage = $1', [
      JSON.stringify({ migration: 'people', redrives: 0, ...at, found: [earlier] }),
    ]);
    await process.invoke({ operation: 'validate', run, migration: 'people' });
    expect(await engine.ledger('runs')).toMatchObject([
      { stage: { ended: true, rows: 20 }, results: { people: { validations: [fails('no_nulls', '7')] } } },
    ]);
  });

  it('learns nothing about the pace from a page that is nearly empty', async () => {
    await people(103);
    let late = 0;
    const now = vi.spyOn(engine.clock, 'now').mockImplementation(() => performance.now() / 1_000 + late);
    let page = 0;
    engine.between = ({ sql: text }) => {
      if (text.includes('"f#0"') && !text.startsWith('EXPLAIN')) {
        page += 1;
        late += page === 1 ? 1 : 20;
      }
      return 'pass';
    };
    await found([noNulls('name')]);
    now.mockRestore();
    expect(page).toBe(2); // 100 rows and 3
    const [line] = await engine.ledger<{ stage: { secondsPerRow: number } }>('runs');
    expect(line?.stage.secondsPerRow).toBeLessThan(0.1);
  });

  it('counts nothing twice when Lambda runs every invocation twice at the same time', async () => {
    await people(600, { 1: 'name = NULL', 599: 'name = NULL' });
    const process = engine.process([migration([noNulls('name')])]);
    const run = caller('twice');
    engine.executions.set(run.execution_arn, 'RUNNING');
    await process.invoke({ operation: 'open', run, input: { validate: 'people' } });
    const twice = [1, 2].map(() => process.invoke({ operation: 'validate', run, migration: 'people' }));
    expect(await Promise.all(twice)).toMatchObject([
      { state: 'passed', rest_seconds: 0 },
      { state: 'passed', rest_seconds: 0 },
    ]);
    expect(await process.invoke({ operation: 'close', run })).toMatchObject({
      result: { people: { validations: [fails('no_nulls', '1', '599')] } },
    });
  });
});

/** Pages that were read. */
const pages = () => engine.statements.filter((text) => /^SELECT \(SELECT count/.test(text.trim())).length;

describe('A validation', () => {
  it('that takes too long is asked of fewer rows at a time', async () => {
    await people(101, { 101: 'name = NULL' });
    const slow = condition('slow', sql`name IS NOT NULL AND pg_sleep(0.006) IS NOT NULL`);
    expect(await found([slow])).toEqual([fails('slow', '101')]);
  });

  it('that cannot be asked of a row fails for it, and the others are asked of it all the same', async () => {
    await people(300, { 42: `name = 'abc'`, 43: `name = '-7'` });
    await engine.database.query(`UPDATE people SET name = '7' WHERE name = 'Ada'`);
    const results = await found([
      condition('positive', sql`name::integer > 0`),
      condition('digit', sql`name ~ '^[0-9]$'`),
      noNulls('name'),
    ]);
    expect(results).toEqual([fails('positive', '42', '43'), fails('digit', '42', '43'), fails('no_nulls')]);
  });

  it('that cannot be asked of more rows than the error budget ends the run, with a key and what it says', async () => {
    await people(3);
    const never = condition('positive', sql`name::integer > 0`);
    await expect(found([never], { errorBudget: 1 })).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(
        /^migration "people": the validation "positive" cannot be asked of 2 rows, such as \(1\): .*invalid input syntax/,
      ),
    });
  });

  const none = { table: 'nowhere', columns: 'id' };
  it.each<[string, Validation, RegExp]>([
    [
      'asks for a column',
      { ...noNulls('nmae'), name: 'x' },
      /table people: has no column nmae; it has id, email,/,
    ],
    ['asks for a table', foreignKey('team', none), /validation "foreign_key": .*"nowhere" does not exist/],
    [
      'compares what cannot be',
      condition('odd', sql`age = name`),
      /validation "odd": .*operator does not exist/,
    ],
    ['would read too much', condition('slow', sql`slow(age)`), /validation "slow": a page .*Create an index/],
  ])('that %s fails the run before anything is changed', async (_, validation, message) => {
    await people(1_000);
    await engine.database.query(
      `CREATE OR REPLACE FUNCTION slow(integer) RETURNS boolean COST 100000 LANGUAGE plpgsql AS 'BEGIN RETURN true; END'`,
    );
    await expect(engine.run([migration([noNulls('name'), validation])])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(message),
    });
    expect(await engine.database.query('SELECT FROM people WHERE done')).toEqual([]);
  });

  it('that cannot work is refused when it is written', () => {
    expect(() => noNulls()).toThrow('validation "no_nulls": got no column, allowed is at least one');
    expect(() => unique()).toThrow('validation "unique": got no column');
    expect(() => oneOf('mood', [])).toThrow('validation "value_set" of mood: got no values');
    expect(() => foreignKey(['a', 'b'], none)).toThrow('a, b cannot point to id of nowhere');
    expect(() => condition('x', sql`tags[1:2] = '{}'`)).toThrow('validation "x": ":2" would be taken for a');
    expect(() => condition('x', 'true' as never)).toThrow('validation "x": got "true", allowed is sql');
    expect(() => migration([noNulls('name'), noNulls('email')])).toThrow('validations with different names');
  });
});

describe('After the last batch', () => {
  it('a migration whose validations pass is finished, with what they found in its result', async () => {
    await people(20);
    const results = [fails('no_nulls'), fails('email_format')];
    const result = await engine.run([migration([noNulls('name'), emailFormat('email')])]);
    expect(result.people).toMatchObject({ total_updated: 20, errors: 0, validations: results });
    expect(await engine.run([migration([])])).toEqual({ people: 'skipped' });
  });

  it('one that only reports is finished all the same', async () => {
    await people(20, { 7: 'name = NULL' });
    const result = await engine.run([migration([noNulls('name')], { onInvalid: 'report' })]);
    expect(result.people).toMatchObject({ total_updated: 20, validations: [fails('no_nulls', '7')] });
    expect(await engine.ledger('migrations')).toMatchObject([{ status: 'finished' }]);
  });

  const failing = () => migration([noNulls('name'), emailFormat('email')]);

  it('one whose validation fails fails the run, says what to do, and goes on with validating', async () => {
    await people(20, { 7: 'name = NULL', 9: 'name = NULL', 12: `email = '?'` });
    await expect(engine.run([failing()])).rejects.toMatchObject({
      name: 'ValidationFailed',
      message:
        'migration "people": "no_nulls" failed for 2 rows: (7), (9); "email_format" failed for 1 row: (12). All its ' +
        "batches are done, and their rows stay as they are (onInvalid: 'fail'). Correct the rows or the migration, deploy, " +
        'and start the machine again: it goes on with validating',
    });
    expect(await engine.ledger('migrations')).toMatchObject([{ status: 'failed', total_updated: '20' }]);

    await engine.database.query(`UPDATE people SET name = 'Ada', email = 'a@example.com'`);
    engine.statements.length = 0;
    const result = await engine.run([failing()]);
    expect(result.people).toMatchObject({
      total_processed: 20,
      total_updated: 20,
      validations: [fails('no_nulls'), fails('email_format')],
    });
  });

  it('a redrive after a failed validation looks at all rows again', async () => {
    await people(20, { 7: 'name = NULL' });
    const process = engine.process([failing()]);
    await expect(engine.run([failing()], { process, name: 'redriven' })).rejects.toThrow('for 1 row: (7)');
    await engine.database.query(`UPDATE people SET name = 'Ada'`);
    const run = caller('redriven', 1);
    engine.executions.set(run.execution_arn, 'RUNNING');
    const ask = (operation: 'pending' | 'batches' | 'validate') =>
      process.invoke({ operation, run, migration: 'people' }) as Promise<{ state: string }>;
    expect(await ask('validate')).toMatchObject({ state: 'wait' });
    for (const operation of ['pending', 'batches'] as const) {
      await ask(operation);
    }
    expect(await ask('validate')).toMatchObject({ state: 'passed' });
  });

  it.each<[string, RunInput]>([
    ['a run', {}],
    ['a run that is asked to validate', { validate: 'people' }],
  ])('%s goes on page by page over slices and parts, and counts each row once', async (_, input) => {
    await people(103, { 1: 'name = NULL', 101: 'name = NULL', 103: 'name = NULL' });
    let late = 0;
    const now = vi.spyOn(engine.clock, 'now').mockImplementation(() => performance.now() / 1_000 + late);
    engine.between = ({ sql: text }) => {
      if (text.includes('"f#0"') && !text.startsWith('EXPLAIN')) {
        late += 1_000; // one page, and the slice is over
      }
      return 'pass';
    };
    const operations: string[] = [];
    const after = ({ operation }: { operation: string }) => operations.push(operation);
    const options = { input, slicesPerExecution: 2, after };
    const result = await engine.run([migration([noNulls('name')], { onInvalid: 'report' })], options);
    now.mockRestore();
    expect(result.people).toMatchObject({ validations: [fails('no_nulls', '1', '101', '103')] });
    expect(operations.filter((operation) => operation === 'validate').length).toBeGreaterThan(4);
    expect(operations.filter((operation) => operation === 'open').length).toBeGreaterThan(1);
  });
});
