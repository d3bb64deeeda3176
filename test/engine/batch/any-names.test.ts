import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { identifier, join, sql, textOf } from '../../../functions/engine/database/sql.ts';
import { condition } from '../../../functions/engine/define/validations.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());

/** Names that PostgreSQL takes as they are, and those of which our own statements are made. */
const name = fc.oneof(
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        'page',
        'last',
        'held',
        'moved',
        'm',
        'e',
        'key',
        'run',
        'name',
        'row',
        'found',
        'bad',
        'new',
        'old',
        'excluded',
        'claim',
      ],
      ...['xid', 'user', 'select', 'group', 'it"s', "o'clock", 'a:b', ':p1', '$1', 'A b', '%s', 'ü'],
    ),
  },
);
// A rewrite refuses __proto__; the others are columns that every table has.
const isColumn = (text: string): boolean =>
  !/[\0#]/.test(text) &&
  text.isWellFormed() &&
  !['__proto__', 'xmin', 'xmax', 'cmin', 'cmax', 'ctid', 'tableoid'].includes(text);
const isTable = (text: string): boolean =>
  isColumn(text) && !/\p{Cc}|\./u.test(text) && text.trim() !== '' && !/^".*"$/u.test(text);

const names = fc.record({
  table: name.filter(isTable),
  columns: fc.uniqueArray(name.filter(isColumn), { minLength: 4, maxLength: 4 }),
});

const rows = 12;

it('Whatever a table and its columns are called, its rows are migrated, bad ones found, and put back', async () => {
  await fc.assert(
    fc.asyncProperty(names, async ({ table, columns: [key = '', from = '', to = '', done = ''] }) => {
      const quoted = (text: string): string => textOf(identifier(text));
      await engine.forget();
      await engine.database.query('DROP SCHEMA IF EXISTS any_names CASCADE');
      await engine.database.query('CREATE SCHEMA any_names');
      const where = `any_names.${quoted(table)}`;
      await engine.database.query(
        `CREATE TABLE ${where} (${quoted(key)} integer PRIMARY KEY, ${quoted(from)} text, ${quoted(to)} integer, ${quoted(done)} boolean)`,
      );
      await engine.database.query(
        `INSERT INTO ${where} SELECT n, CASE n WHEN 7 THEN 'seven' ELSE n::text END FROM generate_series(1, ${rows}) AS n`,
      );
      const options = { table: `any_names.${table}`, key, pace: { maxRows: 5 } };
      const isLeft = sql`${join([identifier(to)], '')} IS NULL`;
      const inSql = backfill({
        ...options,
        name: 'in-sql',
        where: isLeft,
        set: { [to]: sql`${identifier(from)}::integer` },
      });
      const inCode = rewrite<Record<string, unknown>>({
        ...options,
        name: 'in-code',
        columns: [from, done],
        where: sql`${identifier(done)} IS NULL`,
        transform: (row) => ({ [done]: row[from] !== 'seven' }),
        validate: [condition('all', sql`${identifier(done)}`)],
        onInvalid: 'restore',
      });
      const result = await engine.run([inSql]);
      expect(result['in-sql']).toMatchObject({ total_updated: rows - 1, errors: 1 });
      await expect(engine.run([inCode])).rejects.toMatchObject({
        name: 'ValidationFailed',
        message: expect.stringContaining(`So ${rows} of the rows`),
      });
      const sums = await engine.database.query(
        `SELECT sum(t.${quoted(to)})::int AS sum, count(t.${quoted(done)})::int AS done FROM ${where} AS t`,
      );
      expect(sums).toEqual([{ sum: (rows * (rows + 1)) / 2 - 7, done: 0 }]);
    }),
    { numRuns: 12 },
  );
}, 120_000);
