import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
const rows = 200;
const pace = { maxRows: 50 };

beforeAll(async () => {
  engine = await startEngine();
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query(`
    DROP TABLE IF EXISTS orders;
    CREATE TABLE orders (id integer PRIMARY KEY, price text, cents integer, note jsonb);
    INSERT INTO orders (id, price) SELECT n, n || '.50' FROM generate_series(1, ${rows}) AS n`);
});

describe('A transform', () => {
  const noting = (transform: (row: Record<string, unknown>) => Record<string, unknown> | undefined) =>
    rewrite({
      name: 'notes',
      table: 'orders',
      key: 'id',
      columns: ['note', 'cents'],
      where: sql`note IS NULL`,
      transform,
      pace,
    });

  it('takes no row that is declared with a Date or a bigint, which come as text', () => {
    const orders = {
      name: 'typed',
      table: 'orders',
      key: 'id',
      where: sql`note IS NULL`,
      transform: () => undefined,
    };
    // @ts-expect-error a timestamp comes as text
    rewrite<{ at: Date | null }>({ ...orders, columns: ['at'] });
    // @ts-expect-error a bigint comes as text
    rewrite<{ total: bigint }>({ ...orders, columns: ['total'] });
    expect(rewrite<{ total: string | null }>({ ...orders, columns: ['total'] }).name).toBe('typed');
  });

  it('that returns nothing, or no column, leaves the row as it is', async () => {
    for (const nothing of [undefined, {}]) {
      await engine.forget();
      const result = await engine.run([noting(() => nothing)]);
      expect(result.notes).toMatchObject({ total_processed: rows, total_updated: 0, errors: 0 });
    }
  });

  it('may change other columns of other rows', async () => {
    await engine.run([
      noting(({ id }) =>
        Number(id) % 2 ? { note: id } : Number(id) % 3 ? { note: id, cents: 3 } : undefined,
      ),
    ]);
    const [counts] = await engine.database.query(`
      SELECT count(*) FILTER (WHERE note IS NOT NULL)::int AS notes, count(*) FILTER (WHERE cents = 3)::int AS cents,
        count(*) FILTER (WHERE id % 2 = 1 AND cents IS NOT NULL)::int AS wrong FROM orders`);
    expect(counts).toEqual({ notes: rows - 33, cents: rows / 2 - 33, wrong: 0 });
  });

  it('that returns a column the migration does not name for all of the first rows fails the migration', async () => {
    await expect(engine.run([noting(() => ({ note: 1, price: '1' }))])).rejects.toThrow(
      'migration "notes", row (1): transform returned price, which "columns" does not name (note, cents); add it there, or leave it out',
    );
  });

  it('that returns what it may not for one row makes that row a bad one', async () => {
    const odd: Record<number, unknown> = { 3: { price: '1' }, 4: 'text', 5: ['x'], 6: 7 };
    const migration = noting(({ id }) => (odd[Number(id)] ?? { note: 'fine' }) as Record<string, unknown>);
    expect((await engine.run([migration])).notes).toMatchObject({ errors: 4 });
    const errors = await engine.ledger<{ key: string[]; reason: string }>('row_errors');
    expect(Object.fromEntries(errors.map(({ key, reason }) => [key[0], reason]))).toEqual({
      3: 'transform returned price, which "columns" does not name (note, cents); add it there, or leave it out',
      4: 'transform returned a string; allowed is an object with new values, or nothing',
      5: 'transform returned an array; allowed is an object with new values, or nothing',
      6: 'transform returned a number; allowed is an object with new values, or nothing',
    });
  });

  it('that throws no error makes its row a bad one, with what was thrown in one short line', async () => {
    const thrown: Record<number, unknown> = {
      3: { code: 5, at: { place: { id: 3 } } },
      4: [{ code: 6 }],
      5: Object.assign(new Error(), { message: { code: 7 } }),
      6: { cause: new Error('two\nlines'), text: 'long'.repeat(1_000) },
      7: 'a text',
    };
    const migration = noting(({ id }) => {
      if (Number(id) in thrown) {
        throw thrown[Number(id)];
      }
      return { note: 'fine' };
    });
    expect((await engine.run([migration])).notes).toMatchObject({ errors: 5 });
    const errors = await engine.ledger<{ key: string[]; reason: string }>('row_errors');
    expect(Object.fromEntries(errors.map(({ key, reason }) => [key[0], reason]))).toEqual({
      3: '{ code: 5, at: { place: [Object] } }',
      4: '[ { code: 6 } ]',
      5: '{ code: 7 }',
      6: expect.stringMatching(/^\{ cause: Error: two lines at .{150,180}…$/),
      7: 'a text',
    });
  });

  it('that throws what cannot even be shown makes its row a bad one', async () => {
    const thrown = {
      toString() {
        throw new Error('no');
      },
    };
    const migration = noting(({ id }) => {
      if (id === 3) {
        throw thrown;
      }
      return { note: 'fine' };
    });
    expect((await engine.run([migration])).notes).toMatchObject({
      errors: 1,
      error_samples: [{ key: '3', reason: 'what was thrown cannot be shown: its own toString throws' }],
    });
  });
});
