import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(
    'CREATE TABLE documents (id integer PRIMARY KEY, document jsonb, done boolean)',
  );
});
afterAll(() => engine.stop());

const rows = 60;

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.anything({
    maxDepth: 3,
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
    withSparseArray: true,
    withUnicodeString: true,
  }),
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    undefined,
    null,
    Symbol('s'),
    () => 1,
    new Date(Number.NaN),
  ),
);

/** What JSON makes of a value; undefined where it makes nothing, or throws. */
function throughJson(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch {
    return undefined;
  }
}

/** The value as JSON has it, where that is the same in other words: no prototype, no undefined properties, no toJSON, -0 is 0. */
function plain(value: unknown): unknown {
  if (value instanceof Date && !Number.isNaN(value.getTime())) {
    return value.toJSON();
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value))
  ) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return Object.fromEntries(entries.map(([key, each]) => [key, plain(each)]));
  }
  return Object.is(value, -0) ? 0 : value;
}

/** Text that PostgreSQL has none of. */
const isUnheld = (value: unknown): boolean => /\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value) ?? '');

it('Whatever transform returns, a row has exactly that, or is a bad one and stays as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: rows, maxLength: rows }), async (values) => {
      await engine.reset();
      await engine.database.query('TRUNCATE documents');
      await engine.database.query(
        `INSERT INTO documents SELECT n, '"before"' FROM generate_series(0, ${rows - 1}) AS n`,
      );
      await engine.run([
        rewrite<{ id: number; document: unknown; done: boolean | null }>({
          name: 'any',
          table: 'documents',
          key: 'id',
          columns: ['document', 'done'],
          where: sql`done IS NULL`,
          errorBudget: rows,
          transform: ({ id }) => ({ document: values[id], done: true }),
        }),
      ]);
      const bad = new Set(
        (await engine.ledger<{ key: string[] }>('row_errors')).map(({ key }) => Number(key[0])),
      );
      const found = await engine.database.query<{
        id: number;
        document: string | null;
        done: boolean | null;
      }>('SELECT id, document::text AS document, done FROM documents ORDER BY id');
      for (const { id, document, done } of found) {
        const value = values[id];
        const wanted = plain(value);
        const isExact =
          isDeepStrictEqual(throughJson(wanted), wanted) && !isUnheld(wanted) && wanted !== undefined;
        const what = fc.stringify(value);
        expect(bad.has(id), what).toBe(!isExact);
        expect(done, what).toBe(isExact ? true : null);
        const stored = document === null ? null : (JSON.parse(document) as unknown);
        expect(stored, what).toEqual(isExact ? wanted : 'before');
      }
    }),
    { numRuns: 6 },
  );
}, 120_000);
