import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

const oddTexts = [
  '',
  ' ',
  "it's",
  'a "quoted" one',
  'back\\slash',
  ':p1',
  'a:b::c',
  '$1',
  '$$x$$',
  '{1,2}',
  '[1, 2]',
  'null',
  'tab\tnew\nline',
  'größer',
  '漢字',
  '😀',
  'Z',
  'a',
  'A',
  '--',
  '/*',
  '%',
  'x'.repeat(1_000),
];

interface Case {
  /** The key's columns, with their types. */
  readonly key: Readonly<Record<string, string>>;
  /** Rows of keys, as text. */
  readonly values: readonly (readonly string[])[];
  readonly before?: string;
}

const many = (of: (n: number) => readonly string[]) => Array.from({ length: 23 }, (_, n) => of(n));

const keys: Record<string, Case> = {
  'bigints beyond 2^53': {
    key: { id: 'bigint' },
    values: many((n) => [`${9_007_199_254_740_993n + BigInt(n)}`]),
  },
  'negative and positive smallints': { key: { id: 'smallint' }, values: many((n) => [`${n * 100 - 1_000}`]) },
  uuids: {
    key: { id: 'uuid' },
    values: many((n) => [`${n.toString(16).padStart(8, '0')}-0000-4000-8000-${'f'.repeat(12)}`]),
  },
  'odd texts': { key: { name: 'text' }, values: oddTexts.map((text) => [text]) },
  'texts of another collation': { key: { name: 'text COLLATE "C"' }, values: oddTexts.map((text) => [text]) },
  'fixed-length texts': { key: { code: 'char(6)' }, values: many((n) => [`c${n}`]) },
  'bounded texts': { key: { code: 'varchar(12)' }, values: many((n) => [`c${n}`]) },
  'an integer and a text': {
    key: { tenant: 'integer', name: 'text' },
    values: oddTexts.flatMap((text) => [
      ['1', text],
      ['2', text],
    ]),
  },
  'three columns': {
    key: { a: 'date', b: 'boolean', c: 'uuid' },
    values: many((n) => [
      `2026-01-0${1 + (n % 3)}`,
      `${n % 2 === 0}`,
      `00000000-0000-4000-8000-0000000000${10 + n}`,
    ]),
  },
  'moments to the microsecond': {
    key: { at: 'timestamptz' },
    values: [
      ...many((n) => [`2026-03-29 01:59:59.${`${999_980 + n}`.slice(-6).padStart(6, '0')}+00`]),
      ['infinity'],
      ['-infinity'],
      ['0044-03-15 12:00:00+00 BC'],
    ],
  },
  'numbers of any precision': {
    key: { n: 'numeric' },
    values: [...many((n) => [`${n}.${'0'.repeat(30)}1`]), ['1e40'], ['-0.5'], ['Infinity'], ['NaN']],
  },
  floats: {
    key: { x: 'double precision' },
    values: [...many((n) => [`${n / 7}`]), ['5e-324'], ['Infinity'], ['NaN'], ['1.7976931348623157e308']],
  },
  bytes: {
    key: { hash: 'bytea' },
    values: many((n) => [`\\x${(n * 11).toString(16).padStart(4, '0')}00ff`]),
  },
  enums: {
    key: { size: 'sizes', n: 'integer' },
    values: many((n) => [['small', 'Large one', "it's"][n % 3] ?? '', `${n}`]),
    before: `CREATE TYPE sizes AS ENUM ('small', 'Large one', 'it''s')`,
  },
  domains: {
    key: { email: 'email' },
    values: many((n) => [`Someone${n}@example.com`]),
    before: `CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%')`,
  },
  'addresses and intervals': {
    key: { ip: 'inet', span: 'interval' },
    values: many((n) => [`10.0.0.${n}/24`, `${n % 3} mons ${n} days 00:00:0${n % 10}.5`]),
  },
  'quoted, reserved and mixed-case names': {
    key: { Select: 'integer', 'from "x": y': 'integer' },
    values: many((n) => [`${n % 4}`, `${n}`]),
  },
  'names of our own': {
    key: { cursor: 'integer', claim: 'integer' },
    values: many((n) => [`${n % 4}`, `${n}`]),
  },
};

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

async function makeTable(table: string, { key, values, before }: Case, suffix = ''): Promise<void> {
  if (before) {
    await engine.database.query(before);
  }
  const columns = Object.entries(key);
  const definitions = columns.map(([name, type]) => `${quoted(name)} ${type} NOT NULL`).join(', ');
  const names = columns.map(([name]) => quoted(name)).join(', ');
  await engine.database.query(
    `CREATE TABLE ${table} (${definitions}, changed integer NOT NULL DEFAULT 0, bad boolean NOT NULL DEFAULT false, UNIQUE (${names})) ${suffix}`,
  );
  for (const row of values) {
    const parameters = row.map((_, i) => `$${i + 1}`).join(', ');
    await engine.database.query(`INSERT INTO ${table} (${names}) VALUES (${parameters})`, row);
  }
}

const probes = (table: string, key: readonly string[]) => {
  const options = { table, key, immutableKey: true, pace: { maxRows: 7 } };
  return [
    backfill({
      ...options,
      name: 'in-sql',
      set: { changed: sql`changed + 1 / (NOT bad)::integer` },
    }),
    rewrite({
      ...options,
      name: 'in-typescript',
      columns: ['changed', 'bad'],
      transform: ({ changed, bad }) => {
        if (bad) {
          throw new Error('bad');
        }
        return { changed: changed + 1 };
      },
    }),
  ];
};

const changes = (table: string) =>
  engine.database.query(`SELECT changed, count(*)::int AS rows FROM ${table} GROUP BY 1 ORDER BY 1`);

describe('A table is walked by keys that are', () => {
  it.each(Object.entries(keys))('%s', async (_, given) => {
    await engine.database.query('DROP TABLE IF EXISTS walked');
    await makeTable('walked', given);
    const rows = given.values.length;
    const migrations = probes('walked', Object.keys(given.key));
    const result = await engine.run(migrations);
    expect(result).toMatchObject({
      'in-sql': { total_processed: rows, total_updated: rows, errors: 0 },
      'in-typescript': { total_processed: rows, total_updated: rows, errors: 0 },
    });
    expect(await changes('walked')).toEqual([{ changed: 2, rows }]);
  });

  it.each([
    'odd texts',
    'an integer and a text',
    'moments to the microsecond',
    'floats',
    'quoted, reserved and mixed-case names',
  ])('%s, with bad rows', async (name) => {
    const given = keys[name] as Case;
    await engine.database.query('DROP TABLE IF EXISTS walked');
    await makeTable('walked', given);
    await engine.database.query(
      'UPDATE walked SET bad = true WHERE ctid IN (SELECT ctid FROM walked ORDER BY ctid LIMIT 2 OFFSET 3)',
    );
    const rows = given.values.length;
    const [first] = probes('walked', Object.keys(given.key));
    if (first === undefined) {
      throw new Error(name);
    }
    const migration = { ...rowsOf(first), where: sql`changed = 0` };
    const result = await engine.run([
      backfill({ ...migration, set: { changed: sql`changed + 1 / (NOT bad)::integer` } }),
    ]);
    expect(result['in-sql']).toMatchObject({ total_processed: rows, total_updated: rows - 2, errors: 2 });
    await engine.database.query('UPDATE walked SET bad = false');
    await engine.database.query("UPDATE data_migrations.migrations SET status = 'failed'");
    const next = await engine.run([backfill({ ...migration, set: { changed: sql`changed + 1` } })]);
    expect(next['in-sql']).toMatchObject({ errors: 0 });
    expect(await changes('walked')).toEqual([{ changed: 1, rows }]);
  });
});

describe('A table may', () => {
  const integers: Case = { key: { id: 'integer' }, values: many((n) => [`${n + 1}`]) };
  const everyRow = [{ changed: 2, rows: 23 }];

  it('be called as one likes, also like a part of our statements', async () => {
    const names = [
      'page',
      'last',
      'held',
      'moved',
      'changed',
      'm',
      'e',
      'order',
      'Mixed Case',
      'a"b',
      'ünï:p1',
    ];
    for (const name of names) {
      await makeTable(quoted(name), integers);
    }
    const renamed = names.flatMap((name, i) =>
      probes(name, ['id']).map((probe) => ({ ...probe, name: `${probe.name}-${i}` })),
    );
    await engine.run(renamed);
    for (const name of names) {
      expect(await changes(quoted(name)), name).toEqual(everyRow);
    }
  });

  it('be in a schema that is not on the search path, also beside one of the same name', async () => {
    await engine.database.query('CREATE SCHEMA "Other One"');
    await makeTable('"Other One".twice', integers);
    await makeTable('twice', integers);
    await engine.run(probes('Other One.twice', ['id']));
    expect(await changes('"Other One".twice')).toEqual(everyRow);
    expect(await changes('twice')).toEqual([{ changed: 0, rows: 23 }]);
  });

  it('be partitioned', async () => {
    await makeTable('parted', { ...integers, values: [] }, 'PARTITION BY RANGE (id)');
    await engine.database.query('CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)');
    await engine.database.query('CREATE TABLE parted_2 PARTITION OF parted DEFAULT');
    await engine.database.query('INSERT INTO parted SELECT n FROM generate_series(1, 23) AS n');
    await engine.run(probes('parted', ['id']));
    expect(await changes('parted')).toEqual(everyRow);
  });

  it('be empty', async () => {
    await makeTable('hollow', { ...integers, values: [] });
    expect(await engine.run(probes('hollow', ['id']))).toEqual({
      'in-sql': 'skipped',
      'in-typescript': 'skipped',
    });
  });

  it('become empty while it is migrated', async () => {
    await makeTable('emptied', integers);
    let count = 0;
    engine.between = async ({ sql: text }) => {
      if (text.includes('UPDATE "public"."emptied"') && ++count === 2) {
        await engine.database.query('DELETE FROM emptied');
      }
    };
    const result = await engine.run(probes('emptied', ['id']).slice(0, 1));
    expect(result).toMatchObject({ 'in-sql': { total_updated: 7 } });
  });
});
