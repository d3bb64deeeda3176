import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AlterOptions, alterTables } from '../../../functions/engine/alter/alter-tables.ts';
import { type BackfillOptions, backfill } from '../../../functions/engine/batch/backfill.ts';
import { type RewriteOptions, rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { type Sql, sql } from '../../../functions/engine/database/sql.ts';
import { condition, oneOf } from '../../../functions/engine/define/validations.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { migrate } from '../../../functions/migrate/migrate.ts';
import { checkJobs, registry } from '../../../functions/migrate/registry.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const users: BackfillOptions = {
  name: 'names',
  table: 'users',
  key: 'id',
  immutableKey: true,
  set: { name: sql`'x'` },
};
const made = (options: Partial<BackfillOptions>) => () => backfill({ ...users, ...options });
const rewritten = (options: Partial<RewriteOptions>) => () =>
  rewrite({
    name: 'names',
    table: 'users',
    key: 'id',
    immutableKey: true,
    columns: ['name'],
    transform: () => undefined,
    ...options,
  });

describe('A migration that cannot work is refused when it is written', () => {
  it.each<[string, () => unknown, string]>([
    [
      'a name with capitals',
      made({ name: 'Names' }),
      'migration "Names", name: got "Names", allowed is lower case letters, digits and hyphens, at most 60',
    ],
    [
      'nothing that tells a changed row from another',
      made({ immutableKey: undefined }),
      'where: got undefined, allowed is a condition that a migrated row no longer matches. Or a "marker"',
    ],
    ['a name too long', made({ name: 'n'.repeat(61) }), 'at most 60'],
    [
      'a table with too many parts',
      made({ table: 'a.b.c' }),
      'table: got "a.b.c", allowed is a table, or schema.table',
    ],
    [
      'an empty table',
      made({ table: '' }),
      'migration "names", table: got "", allowed is a table, or schema.table',
    ],
    [
      'a table left out',
      () => backfill({ name: 'names', key: 'id', set: users.set } as unknown as BackfillOptions),
      'migration "names", table: got undefined, allowed is a table, or schema.table, each a name of 1 to 63 bytes',
    ],
    [
      'a table that is undefined',
      made({ table: undefined as never }),
      'table: got undefined, allowed is a table',
    ],
    ['a table that is a function', made({ table: made as never }), 'table: got [Function: made], allowed is'],
    ['a schema without a table', made({ table: 'app.' }), 'table: got "app.", allowed is a table'],
    ['a table of blanks', made({ table: '  ' }), 'table: got "  ", allowed is a table'],
    ['a table with a NUL', made({ table: 'us\0ers' }), 'table: got "us\\u0000ers", allowed is a table'],
    ['a table in quotes', made({ table: 'app."users"' }), 'as the catalog has it: not in quotes'],
    ['a table that PostgreSQL would cut off', made({ table: 'ü'.repeat(32) }), 'a name of 1 to 63 bytes'],
    [
      'a key left out',
      () => backfill({ name: 'names', table: 'users', set: users.set } as unknown as BackfillOptions),
      'migration "names", key: got undefined, allowed is one column or several different ones',
    ],
    ['no key', made({ key: [] }), 'key: got [], allowed is one column or several different ones'],
    [
      'a restore that would have rows changed twice',
      made({ onInvalid: 'restore' }),
      'onInvalid: got "restore", allowed is restore only with a "where" or a "marker", by which migrated rows are known',
    ],
    ['a key twice', made({ key: ['id', 'id'] }), 'key: got ["id","id"]'],
    ['set left out', made({ set: undefined as never }), 'set: got undefined, allowed is an object with SQL'],
    ['nothing to set', made({ set: {} }), 'set: got {}, allowed is at least one column'],
    ['a key to set', made({ set: { id: sql`1` } }), 'set: got ["id"], allowed is columns outside the key'],
    ['a budget below 0', made({ errorBudget: -1 }), 'errorBudget: got -1, allowed is a whole number from 0'],
    ['half a row of budget', made({ errorBudget: 0.5 }), 'errorBudget: got 0.5'],
    [
      'batches of 21 s',
      made({ pace: { targetSeconds: 21 } }),
      'pace.targetSeconds: got 21, allowed is more than 0, at most 20',
    ],
    ['batches of no time', made({ pace: { targetSeconds: 0 } }), 'pace.targetSeconds: got 0'],
    ['batches of no number', made({ pace: { targetSeconds: Number.NaN } }), 'pace.targetSeconds: got NaN'],
    [
      'a rest of days',
      made({ pace: { restSeconds: 86_401 } }),
      'pace.restSeconds: got 86401, allowed is 0 to 86400',
    ],
    ['a rest below 0', made({ pace: { restSeconds: -1 } }), 'pace.restSeconds: got -1'],
    [
      'batches of no rows',
      made({ pace: { maxRows: 0 } }),
      'pace.maxRows: got 0, allowed is a whole number from 1',
    ],
    [
      'a condition that is a string',
      made({ where: 'name IS NULL' as unknown as Sql }),
      'where: got "name IS NULL", allowed is SQL, written as sql`…`',
    ],
    [
      'a value that is a string',
      made({ set: { name: "'x'" as unknown as Sql } }),
      'set.name: got "\'x\'", allowed is SQL',
    ],
    [
      'array slices',
      made({ where: sql`(path)[1:2] = '{a}'` }),
      '":2" would be taken for a parameter by the Data API; write array slices and the like another way',
    ],
    [
      'dollar quotes',
      made({ set: { name: sql`$$it's$$` } }),
      'set.name: dollar quotes ($$…) are not understood by the Data API',
    ],
    ['tagged dollar quotes', made({ where: sql`name = $tag$ :x $tag$` }), 'dollar quotes ($tag$…)'],
    [
      'two statements',
      made({ where: sql`true; DROP TABLE users` }),
      'a semicolon: a fragment is part of one statement',
    ],
    ['named parameters', made({ where: sql`id = :id` }), '":id" would be taken for a parameter'],
    [
      'columns left out',
      rewritten({ columns: undefined as never }),
      'columns: got undefined, allowed is a list',
    ],
    [
      'a column to rewrite twice',
      rewritten({ columns: ['name', 'email', 'name'] }),
      'migration "names", columns: got ["name","email","name"], allowed is each column once',
    ],
    ['no columns to rewrite', rewritten({ columns: [] }), 'columns: got [], allowed is at least one column'],
    [
      'a key to rewrite',
      rewritten({ columns: ['id'] }),
      'columns: got ["id"], allowed is columns outside the key',
    ],
    [
      'a name that objects give a meaning',
      rewritten({ columns: ['__proto__'] }),
      'no column called __proto__',
    ],
    ['no transform', rewritten({ transform: undefined as never }), 'allowed is a function'],
  ])('for %s', (_, make, message) => {
    expect(make).toThrow(
      expect.objectContaining({ name: 'MigrationFailed', message: expect.stringContaining(message) }),
    );
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'undefined'],
    ['a function', function later() {}, '[Function: later]'],
    ['a symbol', Symbol('name'), 'Symbol(name)'],
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['an object', { id: 5 }, '{"id":5}'],
    ['a list', ['a', 'b'], '["a","b"]'],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a Map', new Map([['a', 1]]), "Map(1) { 'a' => 1 }"],
    ['a bigint that the Data API would round', 2n ** 53n, '9007199254740992n'],
  ])('for %s as a value in its SQL, wherever that stands', (_, value, got) => {
    const wrong = sql`name = ${value as never}`;
    const problem = `got ${got} in \${…}, allowed is a string, a boolean, a finite number,`;
    const refused = (message: string) =>
      expect.objectContaining({ name: 'MigrationFailed', message: expect.stringContaining(message) });
    expect(made({ where: wrong })).toThrow(refused(`migration "names", where: ${problem}`));
    expect(made({ where: sql`(${wrong}) AND true` })).toThrow(refused(`where: ${problem}`));
    expect(made({ set: { name: wrong } })).toThrow(refused(`migration "names", set.name: ${problem}`));
    expect(() => condition('short', wrong)).toThrow(refused(`validation "short": ${problem}`));
    expect(() => oneOf('name', [value as string])).toThrow(
      refused(`validation "value_set" of name: ${problem}`),
    );
    const tables = sql`SELECT 'public' AS schema, 'users' AS name, true AS lacks`;
    const altered = (options: Partial<AlterOptions>) => () =>
      alterTables({
        name: 'fields',
        tables,
        alter: (table) => sql`ALTER TABLE ${table} ADD x int`,
        ...options,
      });
    expect(altered({ tables: sql`${tables} WHERE ${wrong}` })).toThrow(
      refused(`migration "fields", tables: ${problem}`),
    );
    expect(
      altered({ alter: (table) => sql`ALTER TABLE ${table} ADD x int DEFAULT ${value as never}` }),
    ).toThrow(refused(`migration "fields", alter: ${problem}`));
  });

  it('but not for a table with a name that only quotes make one, nor for any value', () => {
    expect(made({ table: 'Shop.Order "Lines"' })).not.toThrow();
    expect(made({ table: 'ü'.repeat(31) })).not.toThrow();
    const values = [null, true, -0.5, 2n ** 53n - 1n, new Uint8Array([1]), Buffer.from('x'), '', sql`1`];
    for (const value of values) {
      expect(made({ where: sql`name = ${value}` })).not.toThrow();
    }
  });

  it('but not for what only looks like it, in quotes and comments and casts', () => {
    const where = sql`name <> ':x $$ ; ''quoted'' :y' AND "a:b;c" IS NULL /* :z; */ AND id::text <> ${'5'} -- ; :w
      AND (doc ->> 'x')::jsonb ? 'a'`;
    expect(made({ where })).not.toThrow();
  });
});

describe('A list of migrations is refused when the Lambda starts', () => {
  it.each([
    [
      'a required migration that is misspelt',
      [backfill(users), backfill({ ...users, name: 'mails', requires: ['nmaes'] })],
      'migration "mails" requires nmaes, which is not registered; registered are: names, mails; did you mean names?',
    ],
    [
      'a name that is there twice',
      [backfill(users), backfill(users)],
      'registered twice: names; every migration has a name of its own',
    ],
  ])('for %s', (_, migrations, message) => {
    expect(() => migrate(migrations)).toThrow(message);
  });
});

it.each([
  ['rebuild-oders', '; did you mean rebuild-orders? Add it to followUps in the stack, or correct the name'],
  ['toString', '. Add it to followUps in the stack, or correct the name'],
])('A follow-up job that is not deployed, %s, is refused with the one that was meant', (job, end) => {
  const migrations = registry([backfill({ ...users, rebuilds: [job] })]);
  expect(() => checkJobs(migrations, { 'rebuild-orders': 'arn', 'rebuild-users': 'arn' })).toThrow(
    `migration "names" declares ${job}, which is not deployed; deployed are: rebuild-orders, rebuild-users${end}`,
  );
});

describe('A migration that does not fit its table', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine();
    await upgradeLedger(engine.dataApi());
    await engine.database.query(
      'CREATE TABLE users (id integer PRIMARY KEY, name text, email text, tenant integer)',
    );
    await engine.database.query('CREATE UNIQUE INDEX ON users (email)');
    await engine.database.query('CREATE UNIQUE INDEX ON users (tenant, id)');
    await engine.database.query('CREATE UNIQUE INDEX ON users (lower(name))');
    await engine.database.query('CREATE TABLE loose (id integer NOT NULL, part integer NOT NULL, name text)');
    await engine.database.query('CREATE UNIQUE INDEX ON loose (id) WHERE part = 1');
    await engine.database.query('CREATE VIEW named AS SELECT id, name FROM users');
    await engine.database.query('INSERT INTO users VALUES (1)');
  });
  afterAll(() => engine.stop());
  beforeEach(() => engine.forget());

  it.each<[string, Partial<BackfillOptions>, string]>([
    [
      'no such table',
      { table: 'user' },
      'migration "names", table user: there is no such table; check the name, its schema and the search_path of the database user',
    ],
    ['no such schema', { table: 'app.users' }, 'table app.users: there is no such table'],
    ['a view', { table: 'named' }, 'table named: is not a table (relkind v); only tables are migrated'],
    [
      'a column that is not there',
      { set: { nmae: sql`1` } },
      'has no column nmae; it has id, name, email, tenant',
    ],
    ['a key that is not there', { key: 'uuid' }, 'has no column uuid; it has'],
    ['a key that may be NULL', { key: 'email' }, 'the key column email may be NULL, so rows could be missed'],
    [
      'a key without a unique index',
      { table: 'loose', key: ['id', 'part'] },
      'has no unique index on (id, part), so it cannot be walked in order; it has none',
    ],
    ['a unique index over some rows only', { table: 'loose', key: 'id' }, 'has no unique index on (id)'],
  ])('is told so: %s', async (_, options, message) => {
    await expect(engine.run([backfill({ ...users, ...options })])).rejects.toThrow(
      expect.objectContaining({ name: 'MigrationFailed', message: expect.stringContaining(message) }),
    );
  });

  it('is told the order in which its unique index has the columns', async () => {
    await engine.database.query('ALTER TABLE users ALTER tenant SET DEFAULT 0');
    await engine.database.query('UPDATE users SET tenant = 0');
    await engine.database.query('ALTER TABLE users ALTER tenant SET NOT NULL');
    await expect(engine.run([backfill({ ...users, key: ['id', 'tenant'] })])).rejects.toThrow(
      /no unique index on \(id, tenant\).*; it has .*\(tenant, id\)/,
    );
    expect(await engine.run([backfill({ ...users, key: ['tenant', 'id'] })])).toMatchObject({
      names: { total_updated: 1 },
    });
  });

  it('is none for a bigint in its SQL, which PostgreSQL gets as a number', async () => {
    const one = backfill({
      ...users,
      where: sql`id = ${1n} AND tenant IS DISTINCT FROM ${2n}`,
      set: { tenant: sql`${2n}` },
    });
    expect(await engine.run([one])).toMatchObject({ names: { total_updated: 1 } });
    expect(await engine.database.query('SELECT tenant FROM users')).toEqual([{ tenant: 2 }]);
  });

  it('fails at once where its SQL is wrong, with the place and what to do', async () => {
    const wrong = backfill({ ...users, where: sql`nmae IS NULL` });
    await expect(engine.run([wrong])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(
        /"names".*column "nmae" does not exist.*; in where:\n {2}nmae IS NULL\n {2}\^\nSQLState: 42703.*[Cc]orrect/,
      ),
    });
    expect(engine.slept).toEqual([]);
    const inSet = backfill({
      ...users,
      where: sql`name IS DISTINCT FROM 'y'`,
      set: { name: sql`no_such(1)` },
    });
    await expect(engine.run([inSet])).rejects.toThrow(
      /migration "names", batch 1 at the first key: .*no_such.*; in set\.name:\n {2}no_such\(1\)\n {2}\^\nSQLState: 42883\. Correct the migration or its table, deploy, and start the machine again: it goes on from this checkpoint/,
    );
    expect(engine.slept).toEqual([]);
    const [run] = (await engine.ledger<{ status: string; failure: string }>('runs')).slice(-1);
    expect(run).toMatchObject({ status: 'failed', failure: expect.stringContaining('42') });
  });

  it('is refused by name when the machine asks for one that is not registered', async () => {
    const process = engine.process([backfill(users)]);
    const run = {
      execution_arn: 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:x',
      redrive_count: 0,
      part: 1,
    };
    await process.invoke({ operation: 'open', run, input: {} });
    await expect(process.invoke({ operation: 'pending', run, migration: 'name' })).rejects.toThrow(
      'no migration is called "name"; registered are: names',
    );
  });

  it.each([
    [{ within: 'P1D' }, /key.*within/],
    ['go', /as a whole is wrong/],
    [[], /as a whole is wrong/],
    [null, /as a whole is wrong/],
    [{ background: 5 }, /"background" is wrong: expected string, got 5/],
  ])('is not run for an input of %j', async (input, message) => {
    const process = engine.process([backfill(users)]);
    const run = {
      execution_arn: 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:y',
      redrive_count: 0,
      part: 1,
    };
    await expect(process.invoke({ operation: 'open', run, input })).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringMatching(message),
    });
    await process.invoke({ operation: 'open', run, input: { Comment: 'Insert your JSON here' } });
  });
});
