import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration, RowOptions } from '../../../functions/engine/define/migration.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { type Call, startEngine, type TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';

let engine: TestEngine;
/** The rows that a rewrite has transformed, in order. */
const transformed: string[] = [];

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

const rows = 20;
/** A price that is none makes a bad row; `changes` tells how often a row was changed. */
async function fill(count = rows): Promise<void> {
  transformed.length = 0;
  await engine.database.query('DROP TABLE IF EXISTS orders');
  await engine.database.query(`CREATE TABLE orders (
    shop text, id integer, price text NOT NULL, cents integer, changes integer NOT NULL DEFAULT 0, PRIMARY KEY (shop, id))`);
  await engine.database.query(
    `INSERT INTO orders SELECT 'shop ' || n % 3, n, n || '.50' FROM generate_series(1, $1::int) AS n`,
    [count],
  );
}
const poison = (price: string, ...ids: number[]) =>
  engine.database.query('UPDATE orders SET price = $1 WHERE id = ANY ($2)', [price, ids]);
const correct = (...ids: number[]) =>
  engine.database.query(`UPDATE orders SET price = id || '.50' WHERE id = ANY ($1)`, [ids]);

const base = {
  name: 'cents',
  table: 'orders',
  key: ['shop', 'id'],
  immutableKey: true,
  pace: { maxRows: 4 },
} as const;
type More = Partial<RowOptions>;
const inSql = (more: More) =>
  backfill({
    ...base,
    ...more,
    set: { cents: sql`(price::numeric * 100)::integer`, changes: sql`changes + 1` },
  });
const inCode = (more: More) =>
  rewrite<{ price: string; cents: number | null; changes: number }>({
    ...base,
    ...more,
    columns: ['price', 'cents', 'changes'],
    transform: ({ id, price, changes }: { id?: number; price: string; changes: number }) => {
      transformed.push(String(id));
      if (!/^\d+\.\d+$/.test(price)) {
        throw new RangeError(`"${price}" is no price`);
      }
      return { cents: Math.round(Number(price) * 100), changes: changes + 1 };
    },
  });
const where = sql`cents IS NULL`;
type Make = (more?: More) => Migration;
const kinds: Record<string, Make> = {
  'a backfill': (more) => inSql({ where, ...more }),
  'a rewrite': (more) => inCode({ where, ...more }),
  'a backfill without a condition': (more) => inSql({ ...more }),
  'a rewrite without a condition': (more) => inCode({ ...more }),
  'a backfill with a marker': (more) => inSql({ where, marker: 'in_cents', ...more }),
  'a rewrite with a marker': (more) => inCode({ where, marker: 'in_cents', ...more }),
};

const retry = (migration: Migration, more: Parameters<TestEngine['run']>[1] = {}) =>
  engine.run([migration], { ...more, input: { retry: 'cents' } });
const recorded = async () =>
  (await engine.ledger<{ key: readonly string[]; reason: string }>('row_errors'))
    .map(({ key, reason }) => ({ id: Number(key[1]), reason }))
    .sort((a, b) => a.id - b.id);
const status = async () => (await engine.ledger<{ status: string }>('migrations'))[0]?.status;
const changed = (times: number) =>
  engine.database.query<{ id: number }>('SELECT id FROM orders WHERE changes = $1 ORDER BY id', [times]);
const versions = (...but: number[]) =>
  engine.database.query('SELECT id, xmin FROM orders WHERE id <> ALL ($1) ORDER BY id', [but]);

describe.each(Object.entries(kinds))('A retry of %s', (kind, make) => {
  it('takes just the rows again that were recorded, each once', async () => {
    await fill();
    await poison('much', 2, 5, 6, 11, 17, 18);
    expect((await engine.run([make()])).cents).toMatchObject({ total_updated: 14, errors: 6 });
    await correct(2, 5);
    await poison('more', 6);
    await engine.database.query('DELETE FROM orders WHERE id = 11');
    // Somebody has done it by hand: nothing is left to do, where there is a condition to tell.
    await engine.database.query(`UPDATE orders SET price = '17.50', cents = 1750 WHERE id = 17`);
    const others = await versions(2, 5, 17);
    transformed.length = 0;

    const result = await retry(make());
    const cured = kind.includes('without') ? [2, 5, 17] : [2, 5];
    expect(result).toEqual({
      cents: {
        total_processed: rows,
        total_updated: 14 + cured.length,
        errors: 2,
        duration_seconds: expect.any(Number),
        error_samples: expect.arrayContaining([
          {
            key: 'shop 0, 6',
            reason: expect.stringContaining('"more"'),
            sqlstate: kind.includes('backfill') ? '22P02' : null,
          },
          {
            key: 'shop 0, 18',
            reason: expect.stringContaining('"much"'),
            sqlstate: kind.includes('backfill') ? '22P02' : null,
          },
        ]),
      },
    });
    expect(await recorded()).toMatchObject([{ id: 6 }, { id: 18 }]);
    expect(await status()).toBe('finished');
    expect(await versions(2, 5, 17), 'nobody has touched another row').toEqual(others);
    if (kind.includes('rewrite')) {
      expect(transformed.sort()).toEqual([...cured, 6, 18].map(String).sort());
    }
    if (kind.includes('marker')) {
      expect(await engine.database.query('SELECT id FROM orders WHERE NOT in_cents ORDER BY id')).toEqual([
        { id: 6 },
        { id: 18 },
      ]);
    }

    await correct(6, 18);
    expect((await retry(make())).cents).toMatchObject({ total_updated: 16 + cured.length, errors: 0 });
    expect(await recorded()).toEqual([]);
    expect(await changed(2)).toEqual([]);
    expect(await retry(make()), 'nothing recorded').toEqual({ cents: 'skipped' });
    expect(await engine.run([make()])).toEqual({ cents: 'skipped' });
  });

  // How rows are changed makes no difference to this: one of each pair will do.
  if (kind.includes('rewrite') !== kind.includes('without')) {
    return;
  }
  it('leaves what a failed migration has still before it to an ordinary run', async () => {
    await fill();
    await poison('much', 3, 6, 9, 12); // the first in the key's order
    await expect(engine.run([make({ errorBudget: 2 })])).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
    const before = await recorded();
    expect(before.length).toBeGreaterThan(2);
    const ids = before.map(({ id }) => id);
    const [first = 0, ...still] = ids;
    await correct(first);
    const others = await versions(first);
    const updated = Number((await engine.ledger<{ total_updated: string }>('migrations'))[0]?.total_updated);

    expect(await retry(make({ errorBudget: 2 }))).toEqual({
      cents: { total_updated: updated + 1, errors: still.length },
    });
    expect(await status()).toBe('failed');
    expect(await versions(first)).toEqual(others);

    await correct(...ids, 3, 6, 9, 12);
    expect((await engine.run([make({ errorBudget: 2 })])).cents).toMatchObject({
      total_processed: rows,
      total_updated: kind.includes('without') ? rows - still.length : rows,
    });
    if (kind.includes('without')) {
      expect((await retry(make())).cents, 'without a condition').toMatchObject({
        total_updated: rows,
        errors: 0,
      });
    }
    expect(await changed(1)).toHaveLength(rows);
  });
});

describe.each([1, 2])('A retry of what %i lanes have left', (lanes) => {
  const spent = { name: 'ErrorBudgetSpent' };

  it.each(['a backfill without a condition', 'a rewrite without a condition'])(
    'leaves to %s what its walk would do again',
    async (kind) => {
      const make = () => (kinds[kind] as Make)({ lanes, errorBudget: 1 });
      await fill();
      await poison('much', 3, 6, 7, 9, 12, 15);
      await expect(engine.run([make()])).rejects.toMatchObject(spent);
      await correct(3, 6, 7, 9, 12, 15);
      await retry(make());
      expect(await changed(2)).toEqual([]);
      await engine.run([make()]);
      // Of a rewrite, some were recorded behind the cursor, or are since the retry.
      await retry(make());
      expect(await changed(1)).toHaveLength(rows);
      expect(await recorded()).toEqual([]);
      const [line] = await engine.ledger('migrations');
      expect(line).toMatchObject({ total_processed: `${rows}`, total_updated: `${rows}` });
    },
  );

  it.each(['a backfill with a marker', 'a rewrite with a marker'])(
    'counts what it has done for %s ahead of its walk, which does not come to it',
    async (kind) => {
      const make = () => (kinds[kind] as Make)({ lanes, errorBudget: 1 });
      await fill(200);
      await poison('much', 150, 153, 156);
      await expect(engine.run([make()])).rejects.toMatchObject(spent);
      await correct(150, 153, 156);
      await retry(make());
      await engine.run([make()]);
      expect(await changed(1)).toHaveLength(200);
      const [line] = await engine.ledger('migrations');
      expect(line).toMatchObject({ total_processed: '200', total_updated: '200' });
    },
  );
});

describe('A retry', () => {
  it('owes the follow-up jobs again where something is finished again', async () => {
    await fill();
    await poison('much', 4);
    const migration = inSql({ where, rebuilds: ['newsletter'] });
    const followUps = { newsletter: 'arn:aws:states:eu-central-1:123456789012:stateMachine:newsletter' };
    const sent = (run: string) =>
      engine.executions.set(
        `${followUps.newsletter.replace('stateMachine', 'execution')}:${run}`,
        'SUCCEEDED',
      );
    expect(await engine.run([migration], { followUps, name: 'release' })).toMatchObject({
      next_jobs: ['newsletter'],
    });
    sent('release');
    await correct(4);
    expect(await retry(migration, { followUps, name: 'correction' })).toMatchObject({
      cents: { errors: 0 },
      next_jobs: ['newsletter'],
    });
    sent('correction');
    expect(await retry(migration, { followUps })).toEqual({ cents: 'skipped' });
  });

  it('keeps what the result said of rows that go on coming in', async () => {
    await fill();
    await poison('much', 4);
    await engine.database.query('CREATE SEQUENCE IF NOT EXISTS late START 1000');
    engine.between = async ({ sql: text }) => {
      if (text.includes('UPDATE "public"."orders"')) {
        await engine.database.query(`INSERT INTO orders VALUES ('a shop', nextval('late'), '1.50')`);
      }
    };
    expect((await engine.run([inSql({ where })])).cents).toHaveProperty('still_arriving');
    const still = (await engine.ledger<{ result: { still_arriving: number } }>('migrations'))[0]?.result
      .still_arriving;
    engine.between = () => 'pass';
    await correct(4);
    expect((await retry(inSql({ where }))).cents).toMatchObject({ errors: 0, still_arriving: still });
  });

  it.each(Object.entries({ 'a backfill': inSql, 'a rewrite': inCode }))(
    'promise 6: of %s takes no row for bad because "where" fails on another',
    async (_, make) => {
      await fill();
      await poison('dear', 3);
      const migration = make({ where: sql`cents IS DISTINCT FROM (price::numeric * 100)::integer` });
      expect((await engine.run([migration])).cents).toMatchObject({ total_updated: rows - 1, errors: 1 });
      await correct(3);
      await poison('dear', 7);
      expect((await retry(migration)).cents).toMatchObject({ total_updated: rows, errors: 0 });
      expect(await recorded()).toEqual([]);
    },
  );

  it('undoes no write of an application, which waits while its row is read and written', async () => {
    await fill();
    await poison('much', 4);
    await engine.run([inCode({ where })]);
    await correct(4);
    let writing: Promise<unknown> | undefined;
    engine.between = async ({ sql: text }) => {
      if (text.includes('UPDATE "public"."orders"')) {
        writing = engine.database.query(`UPDATE orders SET price = '9.00' WHERE id = 4`);
      }
    };
    expect((await retry(inCode({ where }))).cents).toMatchObject({ errors: 0 });
    await writing;
    expect(await engine.database.query('SELECT price, cents FROM orders WHERE id = 4')).toEqual([
      { price: '9.00', cents: 450 },
    ]);
  });

  it('tries again what only the moment was to blame for', async () => {
    await fill();
    await poison('much', 4);
    await engine.run([inSql({ where })]);
    await correct(4);
    let refused = 0;
    engine.statements.length = 0;
    engine.between = ({ sql: text }) => {
      if (!text.includes('UPDATE "public"."orders"') || refused === 3) {
        return 'pass';
      }
      refused += 1;
      return 'refuse';
    };
    expect((await retry(inSql({ where }), { attempts: 1 })).cents).toMatchObject({
      total_updated: rows,
      errors: 0,
    });
    expect(refused).toBe(3);
    const claims = engine.statements.filter((text) => text.includes('gen_random_uuid()'));
    expect(claims, 'in one slice').toHaveLength(1);
  });

  it('takes no row a second time in the next part of its run', async () => {
    await fill(150);
    await poison('much', ...Array.from({ length: 150 }, (_, i) => i + 1));
    const migration = inCode({ where, errorBudget: 150 });
    await engine.run([migration]);
    transformed.length = 0;
    let pages = 0;
    engine.between = ({ sql: text }) => {
      if (!text.includes('"settled#" AS')) {
        return 'pass';
      }
      pages += 1;
      return pages === 1 ? { delayMs: 1_300 } : 'pass'; // past the end of the first slice, which so takes a hundred
    };
    const parts: number[] = [];
    const result = await retry(migration, {
      milliseconds: 1_500,
      slicesPerExecution: 1,
      after: ({ run }) => parts.push(run.part),
    });
    expect(new Set(parts).size).toBeGreaterThan(1);
    expect(result.cents).toMatchObject({ errors: 150 });
    expect(transformed).toHaveLength(150);
    expect(await status()).toBe('finished');
  });

  it('takes nothing for finished again that an ordinary run has begun since', async () => {
    await fill();
    await poison('much', 4);
    const migration = inSql({ where, errorBudget: 2 });
    await engine.run([migration]);
    await correct(4);
    engine.between = ({ sql: text }) => (text.includes('m.result IS NULL THEN') ? 'refuse' : 'pass');
    await expect(retry(migration, { attempts: 1 })).rejects.toMatchObject({ name: 'DatabaseUnavailable' });
    engine.between = () => 'pass';
    await engine.database.query(`INSERT INTO orders SELECT 'zoo', n, 'much' FROM generate_series(1, 5) AS n`);
    await expect(engine.run([migration])).rejects.toMatchObject({ name: 'ErrorBudgetSpent' });
    expect((await retry(migration)).cents).toEqual({ total_updated: rows, errors: expect.any(Number) });
    expect(await status()).toBe('failed');
  });

  it.each(['retry', 'only'] as const)('that is broken off before its end is ended by %s', async (how) => {
    await fill();
    await poison('much', 4);
    const migration = inSql({ where });
    await engine.run([migration]);
    await correct(4);
    engine.between = ({ sql: text }) => (text.includes('m.result IS NULL THEN') ? 'refuse' : 'pass');
    await expect(retry(migration, { attempts: 1 })).rejects.toMatchObject({ name: 'DatabaseUnavailable' });
    expect([await status(), await recorded()]).toEqual(['failed', []]);
    engine.between = () => 'pass';
    const result = await engine.run([migration], { input: { [how]: 'cents' } });
    expect(result.cents).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    expect(await status()).toBe('finished');
  });
});

const troubles: Record<string, (call: Call, release: Promise<void>) => Fault | Promise<Fault>> = {
  'is the last of a process killed after it': async ({ process }): Promise<Fault> => {
    process.kill();
    return 'lose-answer';
  },
  'comes from a zombie after the next invocation': async ({ process }, release): Promise<Fault> => {
    process.abandon();
    await release;
    return 'pass';
  },
};

describe.each([
  ['a backfill', inSql({ marker: 'in_cents' })],
  ['a rewrite', inCode({})],
])('Promise 2: a retry of %s', (kind, migration) => {
  it.each(Object.entries(troubles).slice(0, kind === 'a rewrite' ? 1 : 2))(
    'changes each row once when any call %s',
    async (what, trouble) => {
      const isZombie = what.includes('zombie');
      await fill();
      await poison('much', 4, 7);
      await engine.run([migration]);
      await correct(4);
      for (const table of ['orders', 'data_migrations.migrations', 'data_migrations.row_errors']) {
        await engine.database.query(`CREATE TABLE "before ${table}" AS TABLE ${table}`);
      }
      let calls = 1;
      for (let number = 1; number <= calls; number += isZombie ? 3 : 1) {
        await engine.forget();
        await engine.database.query('DELETE FROM orders');
        for (const table of ['orders', 'data_migrations.migrations', 'data_migrations.row_errors']) {
          await engine.database.query(`INSERT INTO ${table} TABLE "before ${table}"`);
        }
        let release = () => {};
        const released = new Promise<void>((resolve) => {
          release = resolve;
        });
        let count = 0;
        let asked = false;
        let where = 'without trouble';
        engine.between = (call) => {
          asked ||= call.sql.includes("SET status = 'running', run = r.execution_arn");
          if (!asked) {
            return 'pass';
          }
          count += 1;
          if (count !== number) {
            return 'pass';
          }
          where = `call ${number}: ${call.sql.trim().replace(/\s+/g, ' ').slice(0, 200)}`;
          return trouble(call, released);
        };
        const result = await retry(migration, {
          attempts: 1,
          after: ({ operation }) => {
            if (count > number) {
              release();
            }
            if (operation === 'batches') {
              calls = count;
            }
          },
        });
        release();
        if (isZombie) {
          await engine.settled();
        }
        expect(result.cents, where).toMatchObject({
          total_processed: rows,
          total_updated: rows - 1,
          errors: 1,
        });
        expect(await changed(1), where).toHaveLength(rows - 1);
        expect(await recorded(), where).toMatchObject([{ id: 7 }]);
        expect(await status(), where).toBe('finished');
      }
      expect(calls).toBeGreaterThan(10);
      for (const table of ['orders', 'data_migrations.migrations', 'data_migrations.row_errors']) {
        await engine.database.query(`DROP TABLE "before ${table}"`);
      }
    },
  );
});
