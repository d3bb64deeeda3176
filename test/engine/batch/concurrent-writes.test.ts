import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ sleeps: 1 });
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  await engine.database.query('DROP TABLE IF EXISTS documents');
  // What a release before this one writes: {"count": n}; what this one writes: {"form": "new", "count": n}.
  await engine.database.query(`CREATE TABLE documents (
    id integer PRIMARY KEY, writes integer NOT NULL DEFAULT 0, document jsonb NOT NULL DEFAULT '{"count": 0}', copy jsonb)`);
});

const fill = (rows: number) =>
  engine.database.query(`INSERT INTO documents (id) SELECT n * 10 FROM generate_series(1, ${rows}) AS n`);

const toNewForm = (pace: { maxRows: number }) =>
  rewrite({
    name: 'new-form',
    table: 'documents',
    key: 'id',
    columns: ['document'],
    where: sql`document -> 'form' IS NULL`,
    transform: ({ document }) => ({ document: { form: 'new', ...document } }),
    pace,
  });
const toNewFormInSql = (pace: { maxRows: number }) =>
  backfill({
    name: 'new-form',
    table: 'documents',
    key: 'id',
    where: sql`document -> 'form' IS NULL`,
    set: { document: sql`document || '{"form": "new"}'` },
    pace,
  });
const kinds: Record<string, (pace: { maxRows: number }) => Migration> = {
  rewrite: toNewForm,
  backfill: toNewFormInSql,
};

/** Every increment is in the document, and the document is in the new form. */
const wrong = () =>
  engine.database.query(`SELECT id, writes, document FROM documents
    WHERE (document ->> 'count')::integer <> writes OR document ->> 'form' IS DISTINCT FROM 'new'`);

const increments = {
  'as the row is': `jsonb_set(document, '{count}', to_jsonb((document ->> 'count')::integer + 1))`,
  'in the old form': `jsonb_build_object('count', (document ->> 'count')::integer + 1)`,
  'in the new form': `jsonb_build_object('form', 'new', 'count', (document ->> 'count')::integer + 1)`,
};
const increment = (how: keyof typeof increments, which: string) =>
  `UPDATE documents SET writes = writes + 1, document = ${increments[how]} WHERE ${which}`;

describe.each(Object.entries(kinds))('Promise 3, a %s', (_, make) => {
  it('loses no write of an application that storms its rows', async () => {
    const rows = 3_000;
    await fill(rows);
    const storm = { until: Date.now() + 1_500, writes: 0, goesOn: true };
    const writers = [0, 1, 2, 3].map((number) => write(storm, rows, number));
    const result = await engine.run([make({ maxRows: 200 })]);
    storm.goesOn = false;
    await Promise.all(writers);
    expect(storm.writes).toBeGreaterThan(200);
    expect(result['new-form']).toMatchObject({ errors: 0 });

    // What came in behind the last pass is the next run's.
    await engine.run([make({ maxRows: 200 })]);
    expect(await wrong()).toEqual([]);
    const [sum] = await engine.database.query(
      'SELECT sum(writes)::int AS writes, count(*)::int AS rows FROM documents',
    );
    expect(sum).toEqual({ writes: storm.writes, rows });
  });

  it('leaves alone what comes and goes at the edges of its pages', async () => {
    await fill(50);
    let count = 0;
    engine.between = async ({ sql: text }) => {
      if (!text.includes('UPDATE "public"."documents"')) {
        return;
      }
      count += 1;
      const last = count * 100;
      // The page's last row goes away, a neighbour comes on either side, the first row after it goes away.
      await engine.database.query(`DELETE FROM documents WHERE id IN (${last}, ${last + 10}, ${last - 90})`);
      await engine.database.query(
        `INSERT INTO documents (id) VALUES (${last - 1}), (${last + 1}), (${last - 95})`,
      );
    };
    await engine.run([make({ maxRows: 10 })]);
    expect(count).toBeGreaterThan(5);
    engine.between = () => 'pass';
    await engine.run([make({ maxRows: 10 })]);
    expect(await wrong()).toEqual([]);
  });

  it('finds rows of long transactions that committed behind its cursor', async () => {
    await fill(40);
    const client = await engine.database.pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO documents (id) VALUES (5), (155), (1000)');
    engine.between = async ({ sql: text }) => {
      // Committed once the cursor has passed their place, before the end of the table is reached.
      if (/cursor|UPDATE/.test(text) && text.includes('"documents"') && (await cursor()) >= 300) {
        await client.query('COMMIT').catch(() => undefined);
      }
    };
    const result = await engine.run([make({ maxRows: 10 })]);
    client.release();
    expect(result['new-form']).toMatchObject({ total_updated: 43 });
    expect(await wrong()).toEqual([]);
  });
});

const cursor = async (): Promise<number> => {
  const [line] = await engine.database.query<{ cursor: string[] | null }>(
    'SELECT cursor FROM data_migrations.migrations',
  );
  return Number(line?.cursor?.[0] ?? 0);
};

/** One writer of the storm: single updates, and transactions that keep their rows for a while and may think better of it. */
async function write(
  storm: { until: number; writes: number; goesOn: boolean },
  rows: number,
  number: number,
) {
  const client = new pg.Client({ connectionString: engine.database.url });
  await client.connect();
  const hows = Object.keys(increments) as (keyof typeof increments)[];
  for (let i = number; storm.goesOn && Date.now() < storm.until; i += 1) {
    const first = 1 + ((i * 7919) % rows);
    const which = `id BETWEEN ${first * 10} AND ${(first + 4) * 10}`;
    const long = i % 5 === 0;
    const statement = increment(hows[i % hows.length] ?? 'as the row is', which);
    await client.query('BEGIN');
    try {
      const { rowCount } = await client.query(statement);
      if (long) {
        await wait(20);
      }
      const rolledBack = i % 7 === 0;
      await client.query(rolledBack ? 'ROLLBACK' : 'COMMIT');
      if (!rolledBack) {
        storm.writes += rowCount ?? 0;
      }
    } catch (error) {
      if ((error as { code?: string }).code !== '40P01') {
        throw error;
      }
      await client.query('ROLLBACK'); // a deadlock: the application knows, and nothing was written
    }
  }
  await client.end();
}

describe('Promise 3, a rewrite', () => {
  /** Does something once, between the first read of a page and its write. */
  const betweenReadAndWrite = (work: () => Promise<unknown>) => {
    let done = false;
    engine.between = async ({ sql: text }) => {
      if (!done && text.includes('UPDATE "public"."documents"')) {
        done = true;
        await work();
      }
    };
  };

  it.each(Object.keys(increments) as (keyof typeof increments)[])(
    'keeps what the application writes %s between its read and its write',
    async (how) => {
      await fill(30);
      betweenReadAndWrite(() => engine.database.query(increment(how, 'id IN (10, 50, 100)')));
      const result = await engine.run([toNewForm({ maxRows: 10 })]);
      expect(result['new-form']).toMatchObject({ total_processed: 30, errors: 0 });
      expect(await wrong()).toEqual([]);
      expect(await engine.ledger('migrations')).toMatchObject([{ conflicted: [] }]);
    },
  );

  it('changes rows that conflict exactly once, with nothing in them to tell', async () => {
    await fill(30);
    betweenReadAndWrite(() => engine.database.query('UPDATE documents SET copy = document WHERE id <= 100'));
    const result = await engine.run([
      rewrite({
        name: 'probe',
        table: 'documents',
        key: 'id',
        immutableKey: true,
        columns: ['writes'],
        transform: ({ writes }) => ({ writes: writes + 1 }),
        pace: { maxRows: 10 },
      }),
    ]);
    expect(result.probe).toMatchObject({ total_processed: 30, total_updated: 30 });
    const writes = await engine.database.query(
      'SELECT writes, count(*)::int AS rows FROM documents GROUP BY 1',
    );
    expect(writes).toEqual([{ writes: 1, rows: 30 }]);
  });

  it('copes with all rows of large pages changed under it at once', async () => {
    const rows = 6_000;
    await fill(rows);
    betweenReadAndWrite(() => engine.database.query(increment('as the row is', 'true')));
    const migration = { ...toNewForm({ maxRows: 4_000 }) };
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, seconds_per_row)
      VALUES ('new-form', 'failed', 'earlier', 0.00001)`);
    const result = await engine.run([migration]);
    expect(result['new-form']).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    expect(await wrong()).toEqual([]);
  });

  it('copes with that however long their keys are, which no row of a result holds', async () => {
    const rows = 3_000;
    await engine.database.query(`ALTER TABLE documents ALTER id TYPE text`);
    await engine.database.query(
      `INSERT INTO documents (id) SELECT n || repeat('"], ["😀', 10) FROM generate_series(1, ${rows}) AS n`,
    );
    betweenReadAndWrite(() => engine.database.query(increment('as the row is', 'true')));
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, seconds_per_row)
      VALUES ('new-form', 'failed', 'earlier', 0.00001)`);
    const result = await engine.run([toNewForm({ maxRows: 2_000 })]);
    expect(result['new-form']).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    expect(await wrong()).toEqual([]);
  });

  it('holds a conflicted row while it reads it again and writes it, so that it cannot change a third time', async () => {
    await fill(30);
    let writes = 0;
    const later: Promise<unknown>[] = [];
    engine.between = async ({ sql: text, inTransaction }) => {
      if (!text.includes('UPDATE "public"."documents"')) {
        return;
      }
      writes += 1;
      const change = increment('as the row is', 'id = 50');
      if (writes === 1) {
        await engine.database.query(change);
      }
      if (!inTransaction) {
        return;
      }
      later.push(engine.database.query(change));
      await wait(100); // enough for it, if nobody held the row
    };
    const result = await engine.run([toNewForm({ maxRows: 10 })]);
    await Promise.all(later);
    expect(later).toHaveLength(1);
    expect(result['new-form']).toMatchObject({ total_updated: 30, errors: 0 });
    expect(await wrong()).toEqual([]);
  });

  it('is at peace with a row that was deleted, or whose key was changed, between its read and its write', async () => {
    await fill(30);
    betweenReadAndWrite(async () => {
      await engine.database.query('DELETE FROM documents WHERE id = 50');
      await engine.database.query('UPDATE documents SET id = 295 WHERE id = 60');
    });
    const result = await engine.run([toNewForm({ maxRows: 10 })]);
    expect(result['new-form']).toMatchObject({ total_updated: 29, errors: 0 });
    expect(await wrong()).toEqual([]);
  });

  it('goes on with the conflicted rows after its process was killed', async () => {
    await fill(30);
    let writes = 0;
    engine.between = async ({ sql: text, process }) => {
      if (text.includes('UPDATE "public"."documents"')) {
        writes += 1;
      }
      if (writes === 1 && text === 'BeginTransaction') {
        writes += 1;
        process.kill();
      } else if (writes === 1) {
        await engine.database.query(increment('as the row is', 'id <= 100'));
      }
    };
    const result = await engine.run([toNewForm({ maxRows: 10 })]);
    expect(result['new-form']).toMatchObject({ total_processed: 30, total_updated: 30 });
    expect(await wrong()).toEqual([]);
  });

  it('records a conflicted row that turns out to be bad', async () => {
    await fill(30);
    betweenReadAndWrite(() =>
      engine.database.query(`UPDATE documents SET document = '{"count": "many"}' WHERE id = 50`),
    );
    const result = await engine.run([
      rewrite({
        name: 'strict',
        table: 'documents',
        key: 'id',
        columns: ['document'],
        where: sql`document -> 'form' IS NULL`,
        transform: ({ document }) => {
          if (typeof document.count !== 'number') {
            throw new TypeError('no number');
          }
          return { document: { form: 'new', ...document } };
        },
      }),
    ]);
    expect(result.strict).toMatchObject({
      total_updated: 29,
      errors: 1,
      error_samples: [{ key: '50', reason: 'no number' }],
    });
  });
});
