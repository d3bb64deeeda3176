import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
  await engine.database.query(`CREATE TYPE mood AS ENUM ('fine', 'so so', '')`);
  await engine.database.query('CREATE TYPE place AS (street text, "no" integer)');
  await engine.database.query('CREATE DOMAIN small_bytes AS bytea CHECK (length(VALUE) < 1000)');
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('DROP TABLE IF EXISTS things');
});

/** A type, and values of it as SQL. */
const types: Record<string, readonly string[]> = {
  text: [`''`, `'null'`, `'ünï😀'`, `E'tab\\tline\\n'`, `'\\x00'`, `'{"a": 1}'`, `repeat('long ', 5000)`],
  'varchar(5)': [`''`, `'ab   '`, `'漢字漢字漢'`],
  'char(5)': [`'ab'`, `''`],
  integer: ['0', '-2147483648', '2147483647'],
  smallint: ['-32768', '32767'],
  bigint: ['9223372036854775807', '-9223372036854775808', '9007199254740993'],
  numeric: [
    '0.10',
    '1.500000000000000000000000000001',
    '12345678901234567890.12',
    `'NaN'`,
    `'Infinity'`,
    '0.000',
    '-0.5',
  ],
  'numeric(10,2)': ['1.50', '99999999.99'],
  'double precision': [
    '0.1',
    '1e308',
    '5e-324',
    `'NaN'`,
    `'Infinity'`,
    `'-Infinity'`,
    `'-0'`,
    '1e21',
    '123456789.123456789',
  ],
  real: ['0.1', '3.4e38', '1e-45', `'NaN'`, `'-0'`, '16777217'],
  boolean: ['true', 'false'],
  bytea: [
    `''`,
    `(SELECT string_agg(set_byte('\\x00', 0, n), '' ORDER BY n) FROM generate_series(0, 255) AS n)`,
  ],
  small_bytes: [`'\\xff00'`],
  json: [`'{"b": 1, "a": [1, 2.5, null, true], "ä": "😀"}'`, `'"text"'`, `'[]'`, `'{}'`, `'1'`],
  jsonb: [
    `'{"b": 1, "a": [1, 2.5, null, true], "ä": "😀", "10": 1, "9": 2}'`,
    `'"text"'`,
    `'[]'`,
    `'{}'`,
    `'false'`,
    `'"\\"\\\\"'`,
  ],
  uuid: [`'00000000-0000-4000-8000-00000000000A'`],
  date: [`'2026-02-28'`, `'infinity'`, `'0044-03-15 BC'`],
  time: [`'23:59:59.999999'`, `'24:00'`],
  timetz: [`'12:00:00.5+02:30'`],
  timestamp: [`'2026-03-29 02:30:00.000001'`, `'-infinity'`],
  timestamptz: [`'2026-03-29 02:30:00.000001+02'`, `'infinity'`, `'0044-03-15 12:00 BC'`],
  interval: [`'1 year -2 months 3 days 04:05:06.789'`, `'-00:00:00.000001'`],
  mood: [`'so so'`, `''`],
  place: [`ROW('Main "St", 1', NULL)`, `ROW('', 2)`],
  'integer[]': [`'{}'`, `'{1,NULL,3}'`, `'{{1,2},{3,4}}'`, `'[2:3]={1,2}'`],
  'text[]': [`ARRAY['', 'NULL', NULL, 'a,b', '"', '\\', '{']`],
  'jsonb[]': [`ARRAY['{"a": 1}'::jsonb]`],
  int4range: [`'[1,5)'`, `'empty'`, `'(,)'`],
  inet: [`'10.1.2.3/8'`],
  'bit(3)': [`'101'`],
  xml: [`'<a b="c">d</a>'`],
  money: ['12.34'],
  tsvector: [`'a:1 fat:2 cat:3'`],
  'timestamptz(0)': [`'2026-01-01 00:00:00Z'`],
};

describe('A rewrite', () => {
  it('gives back unchanged, bit for bit, what its transform returns as it was, of every type', async () => {
    const columns = Object.keys(types).map((_, i) => `column ${i}`);
    const definitions = Object.keys(types).map((type, i) => `"column ${i}" ${type}`);
    await engine.database.query(
      `CREATE TABLE things (id integer PRIMARY KEY, done boolean NOT NULL DEFAULT false, ${definitions.join(', ')})`,
    );
    const longest = Math.max(...Object.values(types).map((values) => values.length));
    for (let row = 0; row <= longest; row += 1) {
      const values = Object.entries(types).map(([type, of]) => `CAST(${of[row] ?? 'NULL'} AS ${type})`);
      await engine.database.query(`INSERT INTO things VALUES (${row}, false, ${values.join(', ')})`);
    }
    // Of floats also the sign of zero; of json, which keeps its text, only what it says.
    const exact = (type: string, column: string) => {
      if (/^(real|double)/.test(type)) {
        return `encode(float8send(${column}), 'hex')`;
      }
      return type === 'json' ? `${column}::jsonb::text` : `${column}::text`;
    };
    const asText = Object.keys(types).map((type, i) => `${exact(type, `"column ${i}"`)} AS "${type}"`);
    const stored = () => engine.database.query(`SELECT id, ${asText.join(', ')} FROM things ORDER BY id`);
    const before = await stored();

    const result = await engine.run([
      rewrite({
        name: 'same',
        table: 'things',
        key: 'id',
        columns: ['done', ...columns],
        where: sql`NOT done`,
        transform: ({ id: _, ...row }) => ({ ...row, done: true }),
      }),
    ]);
    expect(result.same).toMatchObject({ total_updated: longest + 1, errors: 0 });
    expect(await stored()).toEqual(before);
  });

  it('records a row whose new value JSON does not have', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const garbage: readonly (readonly [unknown, string])[] = [
      [Number.NaN, 'j became NaN, which JSON does not have'],
      [10n, 'j became 10, which JSON does not have'],
      [{ deep: [1, 10n] }, 'j.deep[1] became 10, which JSON does not have'],
      [circle, 'j.self became a circle, which JSON does not have'],
      [{ 'a b': Number.POSITIVE_INFINITY }, 'j["a b"] became Infinity, which JSON does not have'],
      [{ on: new Date(Number.NaN) }, 'j.on became a Date, whose toJSON gives null'],
      [{ all: new Map([[1, 2]]) }, 'j.all became a Map, which JSON does not have'],
      [() => 1, 'j became a function, which JSON does not have'],
      [Symbol('x'), 'j became a symbol, which JSON does not have'],
      [[1, undefined], 'j[1] became undefined, which JSON does not have'],
      [{ toJSON: () => undefined }, 'j became a Object, whose toJSON gives undefined'],
    ];
    await engine.database.query('CREATE TABLE things (id integer PRIMARY KEY, j jsonb)');
    await engine.database.query(
      `INSERT INTO things SELECT n FROM generate_series(1, ${garbage.length + 5}) AS n`,
    );
    const result = await engine.run([
      rewrite({
        name: 'json',
        table: 'things',
        key: 'id',
        columns: ['j'],
        where: sql`j IS NULL`,
        transform: ({ id }) => ({ j: (garbage[id - 1] ?? ['fine'])[0] }),
      }),
    ]);
    expect(result.json).toMatchObject({ total_updated: 5, errors: garbage.length });
    const errors = await engine.ledger<{ key: string[]; reason: string }>('row_errors');
    expect(Object.fromEntries(errors.map(({ key, reason }) => [key[0], reason]))).toEqual(
      Object.fromEntries(garbage.map(([, reason], i) => [String(i + 1), reason])),
    );
  });

  it('keeps the JSON value null and NULL what they were, and makes a new null NULL', async () => {
    await engine.database.query(
      'CREATE TABLE things (id integer PRIMARY KEY, j jsonb, k json, done boolean)',
    );
    await engine.database.query(
      `INSERT INTO things VALUES (1, 'null', 'null'), (2, NULL, NULL), (3, '{"a": null}', '[null]'), (4, '5', '5')`,
    );
    await engine.run([
      rewrite({
        name: 'nulls',
        table: 'things',
        key: 'id',
        columns: ['j', 'k', 'done'],
        where: sql`done IS NULL`,
        transform: ({ id, j, k }) => (id === 4 ? { j: null, k: null, done: true } : { j, k, done: true }),
      }),
    ]);
    expect(await engine.database.query('SELECT id, j::text, k::text, done FROM things ORDER BY id')).toEqual([
      { id: 1, j: 'null', k: 'null', done: true },
      { id: 2, j: null, k: null, done: true },
      { id: 3, j: '{"a": null}', k: '[null]', done: true },
      { id: 4, j: null, k: null, done: true },
    ]);
  });

  it('hands out the types that it says, and takes the same', async () => {
    await engine.database.query(`CREATE TABLE things (
      id bigint PRIMARY KEY, i integer, f float8, b bigint, n numeric, t boolean, j jsonb, x bytea, d date, done boolean)`);
    await engine.database.query(
      `INSERT INTO things VALUES (1, 2, 0.5, 3, 4.50, true, '{"a": [1]}', '\\x0001', '2026-01-01'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    );
    const seen: unknown[] = [];
    await engine.run([
      rewrite({
        name: 'types',
        table: 'things',
        key: 'id',
        columns: ['i', 'f', 'b', 'n', 't', 'j', 'x', 'd', 'done'],
        where: sql`done IS NULL`,
        transform: (row) => {
          seen.push(row);
          return {
            i: 7,
            f: Number.NaN,
            b: 9_007_199_254_740_993n,
            n: '1.10',
            t: false,
            j: { b: 1 },
            x: Uint8Array.of(255, 0),
            d: null,
            done: true,
          };
        },
      }),
    ]);
    expect(seen).toEqual([
      {
        id: '1',
        i: 2,
        f: 0.5,
        b: '3',
        n: '4.50',
        t: true,
        j: { a: [1] },
        x: Buffer.from([0, 1]),
        d: '2026-01-01',
        done: null,
      },
      { id: '2', i: null, f: null, b: null, n: null, t: null, j: null, x: null, d: null, done: null },
    ]);
    expect(
      await engine.database.query('SELECT i, f, b::text, n::text, t, j, x, d FROM things WHERE id = 1'),
    ).toEqual([
      {
        i: 7,
        f: Number.NaN,
        b: '9007199254740993',
        n: '1.10',
        t: false,
        j: { b: 1 },
        x: Buffer.from([255, 0]),
        d: null,
      },
    ]);
  });

  it('keeps the order of keys of type json, and does not mind keys that JavaScript has a meaning for', async () => {
    await engine.database.query(
      'CREATE TABLE things (id integer PRIMARY KEY, j json, b jsonb, done boolean, "constructor" text)',
    );
    const odd = '{"__proto__": {"x": 1}, "constructor": 2, "n": 1234567890.1234567}';
    await engine.database.query(`INSERT INTO things VALUES (1, '{"zebra": 1, "apple": 2}', '${odd}')`);
    await engine.run([
      rewrite({
        name: 'order',
        table: 'things',
        key: 'id',
        columns: ['j', 'b', 'done', 'constructor'],
        where: sql`done IS NULL`,
        transform: ({ j, b }) => ({ j: { new: 0, ...j }, b, done: true }),
      }),
    ]);
    expect(await engine.database.query('SELECT j::text, b::text, "constructor" FROM things')).toEqual([
      {
        j: '{"new":0,"zebra":1,"apple":2}',
        b: '{"n": 1234567890.1234567, "__proto__": {"x": 1}, "constructor": 2}',
        constructor: null,
      },
    ]);
  });
});
