import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());

const bytes = (text: string) => Buffer.byteLength(text);
const date = fc
  .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true })
  .map((moment) => moment.toISOString());

/** Values of a key's column, as text, by its type. */
const columns: Record<string, fc.Arbitrary<string>> = {
  text: fc.oneof(
    fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
    fc.string({ unit: fc.constantFrom("'", '"', '\\', ':a', '$1', '%', '\n', '😀', '', '{', ',') }),
    fc
      .string({ unit: 'grapheme', minLength: 200, maxLength: 1_000 })
      .filter((text) => !text.includes('\0') && bytes(text) <= 1_000),
  ),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  numeric: fc
    .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: -40, max: 40 }))
    .map(([digits, exponent]) => `${digits}e${exponent}`),
  uuid: fc.uuid(),
  timestamptz: fc
    .tuple(date, fc.integer({ min: 0, max: 999 }))
    .map(([moment, micros]) => moment.replace('Z', `${String(micros).padStart(3, '0')}Z`)),
  date: date.map((moment) => moment.slice(0, 10)),
};

const key = fc
  .array(fc.constantFrom(...Object.keys(columns)), { minLength: 1, maxLength: 3 })
  .chain((types) =>
    fc.record({
      types: fc.constant(types),
      rows: fc.array(fc.tuple(...types.map((type) => columns[type] as fc.Arbitrary<string>)), {
        minLength: 1,
        maxLength: 14,
      }),
    }),
  );

const pageSize = 3;

it('Whatever the keys are, each row is changed once, and pages come in the order of the key', async () => {
  await fc.assert(
    fc.asyncProperty(key, async ({ types, rows }) => {
      const names = types.map((_, i) => `k${i}`);
      await engine.forget();
      await engine.database.query('DROP TABLE IF EXISTS walked');
      await engine.database.query(`CREATE TABLE walked (${types.map((type, i) => `k${i} ${type}`).join(', ')},
        changed integer NOT NULL DEFAULT 0, PRIMARY KEY (${names.join(', ')}))`);
      for (const row of rows) {
        // Of keys that are the same to PostgreSQL, there is one.
        await engine.database.query(
          `INSERT INTO walked VALUES (${types.map((_, i) => `$${i + 1}`).join(', ')}) ON CONFLICT DO NOTHING`,
          row,
        );
      }
      const options = { table: 'walked', key: names, immutableKey: true, pace: { maxRows: pageSize } };
      const migrations = [
        backfill({ ...options, name: 'in-sql', set: { changed: sql`changed + 1` } }),
        rewrite({
          ...options,
          name: 'in-typescript',
          columns: ['changed'],
          transform: ({ changed }) => ({ changed: changed + 1 }),
        }),
      ];
      for (const [i, migration] of migrations.entries()) {
        await engine.run([migration]);
        // A page is a transaction.
        const walked = await engine.database.query<{ changed: number; page: number }>(
          `SELECT changed, dense_rank() OVER (ORDER BY xmin::text::bigint)::int AS page FROM walked ORDER BY ${names.join(', ')}`,
        );
        expect(walked).toEqual(
          walked.map((_, n) => ({ changed: i + 1, page: 1 + Math.floor(n / pageSize) })),
        );
      }
    }),
    // Before the test's own time is up: the report with seed and example would be lost, and shrinking takes long.
    { numRuns: 15, interruptAfterTimeLimit: 40_000 },
  );
});
