import { setTimeout as wait } from 'node:timers/promises';
import { string } from 'valibot';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Opened, Pending, Slice } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { type Sql, sql } from '../../../functions/engine/database/sql.ts';
import type { Migration, RowOptions } from '../../../functions/engine/define/migration.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { type Call, caller, type LambdaProcess, startEngine, type TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';

let engine: TestEngine;

beforeAll(async () => {
  // The transaction of a killed process dies soon, so that nobody waits minutes for its locks.
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await upgradeLedger(engine.dataApi());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

const pace = { maxRows: 15 };
const base = { name: 'labels', table: 'items', key: 'id', marker: 'labelled', pace } as const;
type More = Partial<RowOptions>;

/** "old 7" → "new 7"; "bad …" cannot be changed, "stubborn …" stays what it was. */
const where = sql`label LIKE 'old%' OR label LIKE 'bad%' OR label LIKE 'stubborn%'`;
const change = (label: string): string => {
  if (label.startsWith('bad')) {
    throw new RangeError(`no such label: ${label}`);
  }
  return label.replace('old', 'new');
};
const kinds: Record<string, (more?: More) => Migration> = {
  backfill: (more) =>
    backfill({
      ...base,
      where,
      set: {
        label: sql`CASE WHEN label LIKE 'bad%' THEN (1 / (length(label) - length(label)))::text ELSE replace(label, 'old', 'new') END`,
      },
      ...more,
    }),
  rewrite: (more) =>
    rewrite<{ label: string }>({
      ...base,
      where,
      columns: ['label'],
      transform: ({ label }) => ({ label: change(label) }),
      ...more,
    }),
};

/** A fresh table of so many rows in the old form. */
async function items(rows: number, { database } = engine): Promise<void> {
  await database.query('DROP TABLE IF EXISTS items');
  await database.query(
    'CREATE TABLE items (id integer PRIMARY KEY, label text NOT NULL, writes integer NOT NULL DEFAULT 0) WITH (autovacuum_enabled = off)',
  );
  await database.query(`INSERT INTO items SELECT n * 10, 'old ' || n FROM generate_series(1, ${rows}) AS n`);
  await database.query('ANALYZE items'); // as autovacuum does: all that the planner knows, the marker not yet
}
const marks = () =>
  engine.database.query(
    `SELECT split_part(label, ' ', 1) AS form, labelled, count(*)::int AS rows FROM items GROUP BY 1, 2 ORDER BY 1, 2`,
  );
/** The marker's index: how it is defined, whether it is usable, and its identity. */
const indexes = ({ database } = engine) =>
  database.query<{ name: string; oid: number; valid: boolean; definition: string }>(`
    SELECT c.relname AS name, c.oid::int AS oid, i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL AND c.relnamespace <> 'data_migrations'::regnamespace`);
const isLook = (text: string) => text.includes('pg_stat_progress_create_index');

/** Enters a migration as the machine does, up to its first slice. */
async function begun(process: LambdaProcess, name: string) {
  const run = caller(name);
  const { migrations } = (await process.invoke({ operation: 'open', run, input: {} })) as Opened;
  const migration = migrations[0] as string;
  const { state } = (await process.invoke({ operation: 'pending', run, migration })) as Pending;
  expect(state).toBe('pending');
  return (by = process) => by.invoke({ operation: 'batches', run, migration }) as Promise<Slice>;
}

describe('A marker', () => {
  it('is a column and an index on the rows that are left, whatever their names', async () => {
    await engine.database.query('CREATE SCHEMA "Shop"');
    await engine.database.query(
      `CREATE TABLE "Shop"."Order ""Lines""" ("Id" text, "no" integer, n integer NOT NULL DEFAULT 0, PRIMARY KEY ("Id", "no"))`,
    );
    await engine.database.query(
      `INSERT INTO "Shop"."Order ""Lines""" SELECT n / 3, n FROM generate_series(1, 40) AS n`,
    );
    const migration = backfill({
      name: 'a-name-that-is-as-long-as-the-ledger-allows-for-a-migration1',
      table: 'Shop.Order "Lines"',
      key: ['Id', 'no'],
      set: { n: sql`n + 1` },
      marker: 'is "Done"',
      pace,
    });
    const result = await engine.run([migration]);
    expect(result[migration.name]).toMatchObject({ total_processed: 40, total_updated: 40 });
    expect(await indexes()).toMatchObject([
      {
        name: `${migration.name}_ix`,
        valid: true,
        definition: expect.stringContaining('("Id", no) WHERE (NOT "is ""Done""")'),
      },
    ]);
    expect(
      await engine.database.query(
        'SELECT n, "is ""Done""" AS done, count(*)::int AS rows FROM "Shop"."Order ""Lines""" GROUP BY 1, 2',
      ),
    ).toEqual([{ n: 1, done: true, rows: 40 }]);
    expect(await engine.run([migration])).toEqual({ [migration.name]: 'skipped' });
    await engine.database.query('DROP SCHEMA "Shop" CASCADE');
  });

  it('costs each slice one look, and a migration that has none nothing', async () => {
    await items(60);
    const slices = async (migration: Migration) => {
      engine.statements.length = 0;
      let count = 0;
      await engine.run([migration], {
        after: ({ operation }) => {
          if (operation === 'batches') {
            count += 1;
          }
        },
      });
      expect(count).toBeGreaterThan(3);
      return { slices: count, looks: engine.statements.filter(isLook).length };
    };
    const resting = { pace: { ...pace, restSeconds: 5 } };
    const { slices: marked, looks } = await slices(kinds.backfill?.(resting) as Migration);
    expect(looks, 'once more after it was made').toBe(marked + 1);
    await engine.forget();
    await items(60);
    expect(
      await slices(backfill({ ...base, ...resting, marker: undefined, set: { writes: sql`1` } })),
    ).toMatchObject({
      looks: 0,
    });
  });

  it('gives up a lock that it does not get soon, and adds its column later', async () => {
    await items(20);
    const application = await engine.database.pool.connect();
    await application.query('BEGIN');
    await application.query('SELECT count(*) FROM items');
    const running = engine.run([kinds.backfill?.() as Migration]);
    await expect.poll(() => engine.slept.some((seconds) => seconds >= 0.5), { timeout: 10_000 }).toBe(true);
    await application.query('COMMIT');
    application.release();
    expect((await running).labels).toMatchObject({ total_updated: 20 });
  });

  it('is not added again by a zombie, once it has been dropped', async () => {
    await items(20);
    const migration = kinds.backfill?.() as Migration;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let held = false;
    engine.between = async ({ sql: text, process }) => {
      if (held || text !== 'BeginTransaction') {
        return;
      }
      held = true;
      process.abandon();
      await released;
    };
    await engine.run([migration]);
    expect(await engine.run([migration], { input: { cleanup: 'labels' } })).toMatchObject({
      labels: { cleaned_up: ['the marker column labelled of items, with its index'] },
    });
    release();
    await engine.settled();
    expect(held).toBe(true);
    expect(await engine.database.query(`SELECT FROM pg_attribute WHERE attname = 'labelled'`)).toEqual([]);
    expect(await engine.database.query(`SELECT FROM pg_class WHERE relname = 'labels_ix'`)).toEqual([]);
  });
});

describe('A marker is refused', () => {
  const refusals: Record<string, readonly [change: string, problem: RegExp]> = {
    'where its column is of another type': [
      'ALTER TABLE items ADD COLUMN labelled text',
      /migration "labels", marker, table items: has a column labelled already, text; a marker is boolean NOT NULL DEFAULT false\. Choose another name/,
    ],
    'where its column may be NULL': [
      'ALTER TABLE items ADD COLUMN labelled boolean DEFAULT false',
      /already, boolean DEFAULT false;/,
    ],
    'where its column is true by default': [
      'ALTER TABLE items ADD COLUMN labelled boolean NOT NULL DEFAULT true',
      /already, boolean NOT NULL DEFAULT true;/,
    ],
    'where its column is the application’s': [
      'ALTER TABLE items ADD COLUMN labelled boolean NOT NULL DEFAULT false',
      /already, and rows where that is true would count as done\. Choose another name; or/,
    ],
    'where its index is something else': [
      'CREATE INDEX labels_ix ON items (id)',
      /something else called "labels_ix" already/,
    ],
    'on a partitioned table': [
      `ALTER TABLE items RENAME TO items_1;
       CREATE TABLE items (LIKE items_1 INCLUDING ALL) PARTITION BY RANGE (id);
       ALTER TABLE items ATTACH PARTITION items_1 FOR VALUES FROM (0) TO (10000)`,
      /is partitioned, and PostgreSQL builds no index concurrently on all partitions/,
    ],
  };
  it.each(Object.entries(refusals))('%s, before anything is changed', async (_, [before, problem]) => {
    await items(20);
    for (const statement of before.split(';')) {
      await engine.database.query(statement);
    }
    const definition = `SELECT string_agg(attname || atttypid::text, ',' ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = 'items'::regclass`;
    const columns = await engine.database.query(definition);
    await expect(engine.run([kinds.backfill?.() as Migration])).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(problem),
    });
    expect(await engine.database.query(definition)).toEqual(columns);
    expect(await engine.database.query(`SELECT FROM items WHERE label NOT LIKE 'old%'`)).toEqual([]);
    await engine.database.query('DROP TABLE items');
    await engine.database.query('DROP TABLE IF EXISTS items_1');
  });

  it('on one partition', async () => {
    await engine.database.query(
      `CREATE TABLE parts (id integer PRIMARY KEY, label text) PARTITION BY RANGE (id)`,
    );
    await engine.database.query('CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100)');
    await engine.database.query(`INSERT INTO parts VALUES (1, 'old 1')`);
    await expect(engine.run([kinds.backfill?.({ table: 'part' }) as Migration])).rejects.toMatchObject({
      message: expect.stringMatching(/table part: is a partition, which gets no columns of its own/),
    });
  });

  it('halfway through a migration without a condition, whose rows do not show that they are done', async () => {
    await items(20);
    const options = { ...base, set: { writes: sql`writes + 1` } };
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cursor)
      VALUES ('labels', 'failed', 'earlier', '["100"]')`);
    await expect(engine.run([backfill(options)])).rejects.toMatchObject({
      message: expect.stringMatching(/it has begun without one.* Take "marker" away until it is finished/),
    });
    await engine.run([backfill({ ...options, marker: undefined })]);
    const writes = await engine.database.query(
      'SELECT max(id) AS id, writes FROM items GROUP BY 2 ORDER BY 1',
    );
    expect(writes).toEqual([
      { id: 100, writes: 0 },
      { id: 200, writes: 1 },
    ]);
  });
});

describe.each(Object.entries(kinds))('With a marker, a %s', (_, make) => {
  it('marks rows that need no change without counting them, and leaves bad rows unmarked', async () => {
    await items(40);
    await engine.database.query(`UPDATE items SET label = 'new already' WHERE id <= 50`);
    await engine.database.query(`UPDATE items SET label = 'bad ' || id WHERE id IN (170, 180)`);
    const result = await engine.run([make({ onInvalid: 'restore' })]);
    expect(result.labels).toMatchObject({ total_processed: 40, total_updated: 33, errors: 2 });
    const [journal] = await engine.database.query(
      'SELECT count(*)::int AS rows FROM data_migrations.undo_labels',
    );
    expect(journal).toEqual({ rows: 33 });
    await engine.database.query('DROP TABLE data_migrations.undo_labels');
    expect(await marks()).toEqual([
      { form: 'bad', labelled: false, rows: 2 },
      { form: 'new', labelled: true, rows: 38 },
    ]);
    expect(await engine.run([make()]), 'bad rows are known').toEqual({ labels: 'skipped' });
  });

  it('changes a row once that matches its condition ever after', async () => {
    await items(40);
    await engine.database.query(`UPDATE items SET label = 'stubborn one' WHERE id = 170`);
    const result = await engine.run([make()]);
    expect(result.labels).toMatchObject({
      total_updated: 39,
      errors: 1,
      error_samples: [{ key: '170', reason: 'it still matches "where" after its change' }],
    });
    expect(await engine.run([make()])).toEqual({ labels: 'skipped' });
  });

  it('sweeps up the old form in rows that it has marked', async () => {
    await items(40);
    let done = false;
    engine.between = async ({ sql: text }) => {
      if (done || !text.includes('UPDATE "public"."items"')) {
        return;
      }
      const rewritten = `UPDATE items SET label = 'old again' WHERE id = 30 AND labelled`;
      done = (await engine.database.pool.query(rewritten)).rowCount === 1;
    };
    const result = await engine.run([make()]);
    expect(done).toBe(true);
    expect(result.labels).toMatchObject({ total_processed: 40, total_updated: 41 });
    expect(await marks()).toEqual([{ form: 'new', labelled: true, rows: 40 }]);
  });
});

describe('Promise 11, with a marker', () => {
  const rows = 10_000;
  const large = kinds.backfill?.({ pace: { maxRows: 500 } }) as Migration;

  it('pages have only rows that are left, found by the marker’s index', async () => {
    await items(rows);
    const calls: Call[] = [];
    let plans: string[] = [];
    engine.between = async (call) => {
      if (!call.sql.includes('UPDATE "public"."items"')) {
        return;
      }
      calls.push(call);
      if (calls.length % 10 === 0) {
        plans = [...plans, await planOf(call)];
      }
    };
    expect((await engine.run([large])).labels).toMatchObject({ total_processed: rows, total_updated: rows });
    expect(plans.length).toBeGreaterThan(1);
    for (const plan of plans) {
      expect(plan.match(/Scan (Backward )?(using|on) labels_ix/g)).toHaveLength(4);
      const byRow = /Index Scan using items_pkey on items.*\n\s+Index Cond: \(id = "old#"."k#0"\)/g;
      expect(plan.match(byRow), 'the write itself').toHaveLength(1);
      expect(plan.replace(byRow, '')).not.toMatch(/items_pkey|Seq Scan on items/);
    }

    await engine.database.query('UPDATE items SET labelled = false WHERE id % 20000 = 10');
    await engine.database.query(`UPDATE items SET label = 'old' WHERE id = 20010`);
    expect((await engine.run([large])).labels).toMatchObject({ total_processed: 5, total_updated: 1 });
  });

  it.each([
    ['backfill', 'restore'],
    ['backfill', 'fail'],
    ['rewrite', 'restore'],
  ] as const)(
    'a %s, with onInvalid %s, finds the rows of a page by the index of a key of two columns, too',
    async (kind, onInvalid) => {
      await engine.database.query('DROP TABLE IF EXISTS pairs');
      await engine.database.query(
        `CREATE TABLE pairs (a integer, b integer, label text, filler text, PRIMARY KEY (a, b))`,
      );
      await engine.database.query(
        `INSERT INTO pairs SELECT (random() * 50)::integer, n, 'old', repeat('x', 500) FROM generate_series(1, 5000) AS n`,
      );
      await engine.database.query('VACUUM ANALYZE pairs');
      let plan = '';
      engine.between = async (call) => {
        const isIt = call.sql.includes(kind === 'backfill' ? '"changed_rows#" AS' : 'row_number()');
        if (isIt) {
          plan += await planOf(call);
        }
      };
      const pairs = { table: 'pairs', key: ['a', 'b'], marker: undefined, pace: { maxRows: 10 } };
      const migration = kinds[kind]?.({ ...pairs, onInvalid }) as Migration;
      const slice = await begun(engine.process([migration], { milliseconds: 200 }), kind);
      await slice();
      expect(plan).toContain('Index Scan using pairs_pkey');
      expect(plan).not.toContain('Seq Scan on pairs');
      await engine.database.query('DROP TABLE IF EXISTS data_migrations.undo_labels');
    },
  );

  it.each([
    ['one column', 'gen_random_uuid() AS a, n AS b', ['a']],
    ['two columns', '(random() * 20)::integer AS a, n AS b', ['a', 'b']],
  ])(
    'a backfill of all rows finds them page by page by the index of a key of %s in random order',
    async (_, columns, key) => {
      await engine.database.query('DROP TABLE IF EXISTS spread');
      await engine.database.query(
        `CREATE TABLE spread AS SELECT ${columns}, 'old' AS label, repeat('x', 200) AS filler FROM generate_series(1, 20000) AS n`,
      );
      await engine.database.query(`ALTER TABLE spread ADD PRIMARY KEY (${key.join(', ')})`);
      await engine.database.query('VACUUM ANALYZE spread');
      let plans = '';
      engine.between = async (call) => {
        if (call.sql.includes('"changed_rows#" AS')) {
          plans += await planOf(call);
        }
      };
      const all = backfill({
        name: 'labels',
        table: 'spread',
        key,
        set: { label: sql`'new'` },
        pace: { maxRows: 10 },
      });
      const slice = await begun(engine.process([all], { milliseconds: 200 }), `of ${key.length}`);
      await slice();
      expect(plans).toContain('spread_pkey');
      expect(plans).not.toContain('Seq Scan on spread');
    },
  );

  it('finished and large, it is asked cheaply, and finds what an old release writes wherever that is', async () => {
    const scans = async () => {
      await engine.database.query('SELECT pg_stat_force_next_flush()');
      await engine.database.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'rds-data'`);
      const [counts] = await engine.database.query<{ whole: number; key: number }>(`
        SELECT s.seq_scan::int AS whole, i.idx_scan::int AS key FROM pg_stat_user_tables s
        JOIN pg_stat_user_indexes i ON i.relid = s.relid WHERE i.indexrelname = 'items_pkey' AND s.relname = 'items'`);
      return counts;
    };
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cursor)
      VALUES ('labels', 'finished', 'earlier', '["${rows * 10}"]')`);
    // Wide enough for the planner to see that the whole table would be dear; it still believes that half of it is left.
    await engine.database.query(`UPDATE items SET label = label || repeat(' ', 1500)`);
    const before = await scans();
    expect(await engine.run([large])).toEqual({ labels: 'skipped' });
    expect((await scans())?.whole).toBe(before?.whole);

    await engine.database.query(`INSERT INTO items (id, label) VALUES (15, 'new 15'), (16, 'new 16')`);
    expect(await engine.run([large]), 'not marked, but in need of nothing').toEqual({ labels: 'skipped' });
    await engine.database.query(`INSERT INTO items (id, label) VALUES (17, 'old 17')`);
    expect((await engine.run([large])).labels).toMatchObject({ total_processed: 3, total_updated: 1 });
    expect(await engine.run([large])).toEqual({ labels: 'skipped' });
  });
});

/** The plan of a statement that is on its way. */
async function planOf({ body }: Call): Promise<string> {
  const { sql: text, parameters } = JSON.parse(body) as {
    sql: string;
    parameters: readonly { name: string; value: Record<string, string | number | boolean> }[];
  };
  const values = new Map(
    parameters.map(({ name, value }) => [name, Object.values(value)[0] as string | number]),
  );
  const statement: Sql = {
    kind: 'sql',
    pieces: text.split(/:p\d+\b/),
    values: [...text.matchAll(/:(p\d+)\b/g)].map(([, name]) => values.get(String(name)) ?? null),
  };
  const lines = await engine.dataApi().query(sql`EXPLAIN ${statement}`, { 'QUERY PLAN': string() });
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}

const probes: Record<string, (more: More) => Migration> = {
  backfill: (more) => backfill({ ...base, set: { writes: sql`writes + 1` }, ...more }),
  rewrite: (more) =>
    rewrite<{ writes: number }>({
      ...base,
      columns: ['writes'],
      transform: ({ writes }) => ({ writes: writes + 1 }),
      ...more,
    }),
};
const journals: Record<string, More> = { 'a marker': {}, 'a marker and a journal': { onInvalid: 'restore' } };
const combinations = Object.entries(probes).flatMap(([kind, make]) =>
  Object.entries(journals).map(([what, more]) => [kind, what, make(more)] as const),
);

describe.each(combinations)('Promises 1 and 2, a %s that adds 1, with %s', (kind, what, probe) => {
  const rows = 25;
  const journal = what.includes('journal');
  // The marker itself is made in the same way for all of them; the rest is about their batches.
  const isFirst = (text: string) =>
    kind === 'backfill' && journal ? text.includes('gen_random_uuid()') : isPage(text);
  const isPage = (text: string) => /"page#" AS\b/.test(text);

  const expectOnce = async (when: string) => {
    const all = await engine.database.query(
      'SELECT writes, labelled, count(*)::int AS rows FROM items GROUP BY 1, 2',
    );
    expect(all, when).toEqual([{ writes: 1, labelled: true, rows }]);
    expect(await indexes(), when).toMatchObject([{ valid: true }]);
    if (!journal) {
      return;
    }
    const before = await engine.database.query(`
      SELECT before ->> 'writes' AS before, version = xmin_of AS untouched, count(*)::int AS rows
      FROM data_migrations.undo_labels JOIN (SELECT id, xmin AS xmin_of FROM items) AS i ON i.id = "k#0" GROUP BY 1, 2`);
    expect(before, when).toEqual([{ before: '0', untouched: true, rows }]);
  };

  /** Runs the probe over fresh rows, with trouble at one of the calls of its slices; how many of these there are. */
  const run = async (number: number, trouble: (call: Call, release: Promise<void>) => Promise<Fault>) => {
    await engine.forget();
    await items(rows);
    await engine.database.query('DROP TABLE IF EXISTS data_migrations.undo_labels');
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = false;
    let count = 0;
    let calls = 0;
    let where = 'without trouble';
    engine.between = (call) => {
      begun ||= isFirst(call.sql);
      if (!begun) {
        return 'pass';
      }
      count += 1;
      if (count !== number) {
        return 'pass';
      }
      where = `call ${number}: ${call.sql.trim().replace(/\s+/g, ' ').slice(0, 200)}`;
      return trouble(call, released);
    };
    const result = await engine.run([probe], {
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
    expect(result.labels, where).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    return { calls, where };
  };

  it('changes every row once when any call is the last of a process killed after it', async () => {
    let last = 1;
    for (let number = 1; number <= last; number += 1) {
      const { calls, where } = await run(number, async ({ process }) => {
        process.kill();
        return 'lose-answer';
      });
      last = calls;
      await expectOnce(where);
    }
    expect(last).toBeGreaterThan(4);
  });

  // These two have all the statements.
  if ((kind === 'backfill') !== journal) {
    return;
  }
  it('changes every row once when any call comes from a zombie after the next invocation', async () => {
    let last = 1;
    for (let number = 1; number <= last; number += 4) {
      const { calls, where } = await run(number, async ({ process }, release) => {
        process.abandon();
        await release;
        return 'pass';
      });
      last = calls;
      await engine.settled();
      await expectOnce(where);
    }
    expect(last).toBeGreaterThan(4);
  });
});

describe.each(Object.entries(kinds))('Promise 3, a %s with a marker and a journal', (_, make) => {
  it('loses no write of an application that storms its rows', async () => {
    const rows = 1_000;
    await items(rows);
    await engine.database.query(`UPDATE items SET label = 'old 0'`);
    await engine.database.query('DROP TABLE IF EXISTS data_migrations.undo_labels');
    // Every write counts in its column, and in the label, which the migration rewrites meanwhile.
    const forms = [`split_part(label, ' ', 1)`, `'old'`, `'new'`];
    let goesOn = true;
    let written = 0;
    const writers = [0, 1, 2].map(async (number) => {
      const client = await engine.database.pool.connect();
      for (let i = number; goesOn; i += 1) {
        const first = 1 + ((i * 7919) % rows);
        await client.query('BEGIN');
        const { rowCount } = await client.query(`
          UPDATE items SET writes = writes + 1, label = ${forms[i % 3]} || ' ' || split_part(label, ' ', 2)::integer + 1
          WHERE id BETWEEN ${first * 10} AND ${(first + 4) * 10}`);
        if (number === 0) {
          await wait(20); // so that a batch comes to wait for these rows, and finds others than it looked for
        }
        await client.query('COMMIT');
        written += rowCount ?? 0;
        await wait(1);
      }
      client.release();
    });
    const migration = make({ pace: { maxRows: 100 }, onInvalid: 'restore' });
    expect((await engine.run([migration])).labels).toMatchObject({ errors: 0 });
    goesOn = false;
    await Promise.all(writers);
    await engine.run([migration]);
    const [sum] = await engine.database.query(`
      SELECT count(*) FILTER (WHERE label = 'new ' || writes AND labelled)::int AS right, sum(writes)::int AS writes FROM items`);
    expect(sum).toEqual({ right: rows, writes: written });
    // What would be put back is the very version that was changed.
    const [journal] = await engine.database.query(`
      SELECT count(*)::int AS restorable, count(*) FILTER (WHERE label <> replace(before ->> 'label', 'old', 'new'))::int AS wrong
      FROM data_migrations.undo_labels j JOIN items i ON i.id = j."k#0" AND i.xmin = j.version`);
    expect(journal).toEqual({ restorable: expect.toSatisfy((count) => count > 100), wrong: 0 });
    expect(written).toBeGreaterThan(200);
  });
});

describe('The index of a marker', () => {
  let slow: TestEngine;
  const migration = kinds.backfill?.() as Migration;
  const builds = () => slow.statements.filter((text) => text.startsWith('CREATE INDEX')).length;

  beforeAll(async () => {
    slow = await startEngine({ transactionIdleSeconds: 0.1, statementTimeoutSeconds: 0.4 });
    // Two builds wait for each other, which PostgreSQL then notices before their calls are given up.
    await slow.database.query(`ALTER DATABASE ${slow.database.name} SET deadlock_timeout = '50ms'`);
    await upgradeLedger(slow.dataApi());
  });
  afterAll(() => slow.stop());
  beforeEach(async () => {
    await slow.forget();
    await items(35, slow);
  });

  /** Holds up every build of an index, which waits for those who may still see what is not in it. */
  async function oldTransaction(): Promise<() => Promise<void>> {
    const client = await slow.database.pool.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT FROM pg_class LIMIT 1');
    return async () => {
      await client.query('COMMIT');
      client.release();
    };
  }
  const building = expect.stringMatching(
    /^the index "labels_ix" on the rows that are left is being built: waiting for old snapshots, .*process \d+$/,
  );

  it('is built on while nobody waits for it, and never twice', async () => {
    const commit = await oldTransaction();
    const process = slow.process([migration]);
    const slice = await begun(process, 'killed');
    slow.between = ({ sql: text }) => {
      if (text.startsWith('CREATE INDEX')) {
        void wait(100).then(() => process.kill());
      }
    };
    await expect(slice()).rejects.toMatchObject({ name: 'Killed' });
    const next = slow.process([migration]);
    for (const _ of [1, 2]) {
      expect(await slice(next)).toMatchObject({ state: 'more', rest_seconds: 10, reason: building });
    }
    const [line] = await slow.ledger<{ resting: unknown }>('migrations');
    expect(line?.resting).toEqual({ until: expect.any(String), reason: building });
    expect(builds()).toBe(1);
    await commit();
    await expect.poll(() => indexes(slow)).toMatchObject([{ valid: true }]);
    expect(await slice(next)).toMatchObject({ state: 'done', total_updated: 35 });
    expect(builds()).toBe(1);
  });

  it('is made anew where an earlier try has left an invalid one', async () => {
    const commit = await oldTransaction();
    const slice = await begun(slow.process([migration]), 'broken off');
    expect(await slice(), 'longer than a call may take').toMatchObject({ state: 'more', reason: building });
    await slow.database.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active'`,
    );
    await commit();
    const [before] = await indexes(slow);
    expect(before).toMatchObject({ valid: false });
    expect(await slice()).toMatchObject({ state: 'done', total_updated: 35 });
    const after = await indexes(slow);
    expect(after).toMatchObject([{ name: 'labels_ix', valid: true }]);
    expect(after[0]?.oid).not.toBe(before?.oid);
  });

  it('is given up after three builds that ended without one, which read the whole table each', async () => {
    const slice = await begun(slow.process([migration]), 'never');
    slow.between = async ({ sql: text }) => {
      if (!text.includes('pg_stat_progress_create_index')) {
        return;
      }
      await slow.database.query(
        `UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('labels_ix')`,
      );
    };
    for (const _ of [1, 2, 3]) {
      expect(await slice()).toMatchObject({ state: 'more', rest_seconds: 10 });
    }
    await expect(slice()).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(/"labels_ix" is not valid after 3 builds.*statement_timeout/),
    });
    expect(builds()).toBe(3);
  });

  it('is one although two invocations begin to build it at the same moment', async () => {
    const [one, two] = [slow.process([migration]), slow.process([migration])];
    const slice = await begun(one, 'twice');
    const application = await slow.database.pool.connect();
    let both = () => {};
    const waiting = new Promise<void>((resolve) => {
      both = resolve;
    });
    slow.between = async ({ sql: text }) => {
      if (!text.startsWith('CREATE INDEX')) {
        return;
      }
      if (builds() === 2) {
        both();
      }
      await waiting;
    };
    const first = slice(one);
    await expect.poll(builds).toBe(1);
    // A build waits for whoever is writing; so both are under way when they find that they wait for each other.
    await application.query('BEGIN');
    await application.query('UPDATE items SET writes = 0 WHERE id = 10');
    const second = slice(two);
    await waiting;
    await wait(100);
    await application.query('COMMIT');
    application.release();
    for (const { state } of await Promise.all([first, second])) {
      expect(['more', 'done']).toContain(state);
    }
    expect(builds()).toBe(2);
    while ((await slice(two)).state !== 'done') {}
    expect(await indexes(slow)).toMatchObject([{ name: 'labels_ix', valid: true }]);
    const changed = await slow.database.query('SELECT count(*)::int AS rows FROM items WHERE labelled');
    expect(changed).toEqual([{ rows: 35 }]);
  });
});
