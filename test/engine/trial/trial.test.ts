import { number } from 'valibot';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import type { Database } from '../../../functions/engine/database/data-api.ts';
import { render, sql } from '../../../functions/engine/database/sql.ts';
import { describeTable } from '../../../functions/engine/database/table.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import type { RowMigration } from '../../../functions/engine/define/registered.ts';
import { DatabaseError } from '../../../functions/engine/errors.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { versions } from '../../../functions/engine/ledger/versions.ts';
import { rolledBack } from '../../../functions/engine/trial/rollback-sandbox.ts';
import { trial } from '../../../functions/engine/trial/trial.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { everythingIn } from '../../support/everything.ts';
import { rowsOf } from '../../support/opened.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(`
    CREATE TABLE people (
      id integer PRIMARY KEY, first text NOT NULL, last text NOT NULL, whole text,
      CONSTRAINT short CHECK (length(whole) < 20),
      CONSTRAINT one_of_a_kind UNIQUE (whole) DEFERRABLE INITIALLY DEFERRED
    );
    INSERT INTO people SELECT n, 'first ' || n, 'last ' || n, CASE WHEN n <= 700 THEN 'first ' || n END
    FROM generate_series(1, 3000) AS n`);
});
afterAll(() => engine.stop());
afterEach(() => engine.reset());

const whole = backfill({
  name: 'whole-names',
  table: 'people',
  key: 'id',
  where: sql`whole IS NULL`,
  set: { whole: sql`people.first` },
});

const tried = async (migration: Migration, database = engine.dataApi()) => {
  const rows = rowsOf(migration);
  return trial(database, rows, await describeTable(database, rows));
};

describe('A trial', () => {
  it('does a real batch, shows what became of its rows, and leaves nothing behind', async () => {
    for (const ledger of ['none', 'there']) {
      if (ledger === 'there') {
        await upgradeLedger(engine.dataApi());
      }
      const before = await everythingIn(engine.database);

      const found = await tried(whole);

      expect(await everythingIn(engine.database), `ledger: ${ledger}`).toEqual(before);
      // The first row in need is 701: what is right already has nothing to show.
      expect(found).toMatchObject({ rows: 500, updated: 500, errors: 0, errorSamples: [], callsPerBatch: 1 });
      expect(found.seconds).toBeGreaterThan(0);
      expect(found.looked?.rows).toBe(500);
      expect(found.differences).toHaveLength(10);
      expect(found.differences[0]).toEqual({ key: '701', changes: { whole: [null, 'first 701'] } });
    }
  });

  it('goes on where the migration stands, beside a run that holds its line in the ledger', async () => {
    await upgradeLedger(engine.dataApi());
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cursor, total_updated)
      VALUES ('whole-names', 'running', 'a run', '["2990"]', 7)`);
    const live = await engine.database.pool.connect();
    try {
      await live.query(`BEGIN; SELECT FROM data_migrations.migrations FOR UPDATE`);
      const found = await tried(whole);
      expect(found).toMatchObject({ rows: 10, updated: 10 });
      expect(found.differences.map(({ key }) => key)).toEqual(
        Array.from({ length: 10 }, (_, i) => `${2991 + i}`),
      );
    } finally {
      await live.query('ROLLBACK');
      live.release();
    }
  });

  it('finds the rows that would fail, one by one, also those that a commit would refuse', async () => {
    const clashing = backfill({
      name: 'clashing',
      table: 'people',
      key: 'id',
      where: sql`whole IS NULL`,
      set: {
        whole: sql`CASE people.id WHEN 750 THEN 'a name that is too long' WHEN 760 THEN 'first 1' ELSE people.first END`,
      },
    });
    const before = await everythingIn(engine.database);
    const found = await tried(clashing);
    expect(found.errors).toBe(2);
    expect(found.errorSamples).toMatchObject([
      { key: ['750'], sqlstate: '23514', reason: expect.stringContaining('short') },
      { key: ['760'], sqlstate: '23505', reason: expect.stringContaining('one_of_a_kind') },
    ]);
    // Rows that are found by halving are looked at beside the batches.
    expect(found.updated).toBe(found.rows - 1);
    expect(await everythingIn(engine.database)).toEqual(before);
  });

  it('tries a rewrite, whose pages take turns in the one transaction, and its throws', async () => {
    const found = await tried(
      rewrite<{ id: number; first: string; whole: string | null }>({
        name: 'rewritten',
        table: 'people',
        key: 'id',
        columns: ['first', 'whole'],
        where: sql`whole IS NULL`,
        transform: ({ id, first }) => {
          if (id === 703) {
            throw new Error('no name');
          }
          return { whole: first.toUpperCase() };
        },
        onInvalid: 'restore', // so there is a journal to write
      }),
    );
    expect(found).toMatchObject({ updated: found.rows - 1, errors: 1, callsPerBatch: 2 });
    expect(found.rows).toBeLessThanOrEqual(500); // on a slow machine fewer
    expect(found.errorSamples).toEqual([{ key: ['703'], reason: 'no name', sqlstate: null }]);
    expect(found.differences.map(({ key }) => key)).not.toContain('703');
    expect(found.differences[0]?.changes).toEqual({ whole: [null, 'FIRST 701'] });
    expect(found.sentPerRow).toBeGreaterThan(40);
    expect(found.receivedPerRow).toBeGreaterThan(40);
  });

  const looping = (
    transformTimeout: string,
    loops: (id: number) => boolean,
    onLoop: () => void = () => undefined,
  ) =>
    rewrite<{ id: number; first: string; whole: string | null }>({
      name: 'looping',
      table: 'people',
      key: 'id',
      columns: ['first', 'whole'],
      where: sql`whole IS NULL`,
      transformTimeout,
      transform: ({ id, first }) => {
        if (loops(id)) {
          onLoop();
          for (;;) {
            // as a parser might that does not move on
          }
        }
        return { whole: first.toUpperCase() };
      },
    });

  it('counts rows whose transform loops among those that would fail, and locks none meanwhile', async () => {
    let isLocking = false;
    const seen: boolean[] = [];
    const database: Database = {
      ...engine.dataApi(),
      transaction: (work) =>
        engine.dataApi().transaction((tx) =>
          work({
            ...tx,
            query: (statement, shape) => {
              isLocking ||= /UPDATE \S*people/.test(render(statement).text);
              return tx.query(statement, shape);
            },
          }),
        ),
    };
    const see = () => seen.push(isLocking);
    const reason = 'transform took longer than 6 s, its "transformTimeout"';
    // Longer than a transaction that makes a ledger may be idle, as this one does.
    const one = await tried(
      looping('6 seconds', (id) => id === 720, see),
      database,
    );
    expect(one).toMatchObject({ updated: one.rows - 1, errors: 1 });
    expect(one.errorSamples).toEqual([{ key: ['720'], reason, sqlstate: null }]);
    expect(one.differences).toHaveLength(10);
    expect({ seen, isLocking }).toEqual({ seen: [false], isLocking: true });

    isLocking = false;
    const few = await tried(
      looping('0.5 seconds', (id) => id % 100 === 3, see),
      database,
    );
    expect(few.errors).toBeGreaterThan(0);
    expect(few.updated).toBe(few.rows - few.errors);
    expect(seen).not.toContain(true);
  }, 60_000);

  it('tries the rows before those whose transform loops, where nobody would wait for all of these', async () => {
    let skipped = 0;
    const rows = rowsOf(
      looping(
        '0.5 seconds',
        (id) => id > 720,
        () => {
          skipped += 10;
        },
      ),
    );
    const table = await describeTable(engine.dataApi(), rows);
    const found = await trial(engine.dataApi(), rows, table, () => skipped + performance.now() / 1_000);
    expect(found).toMatchObject({ errors: 3, updated: found.rows });
    expect(found.errorSamples.map(({ key }) => key)).toEqual([['721'], ['722'], ['723']]);
    expect(found.updated).toBeGreaterThan(0);
  });

  it('takes no lock that would hold back readers, of the table or of the ledger', async () => {
    await upgradeLedger(engine.dataApi());
    const locks: string[] = [];
    engine.between = async ({ sql: statement }) => {
      if (!/UPDATE|COMMIT|RELEASE/.test(statement)) {
        return;
      }
      const rows = await engine.database.query<{ name: string }>(`
        SELECT relation::regclass::text || ' ' || mode AS name FROM pg_locks
        WHERE mode ~ 'Exclusive' AND mode <> 'RowExclusiveLock' AND relation IS NOT NULL
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
      locks.push(...rows.map(({ name }) => name));
      return undefined;
    };
    const marked: RowMigration = { ...rowsOf(whole), marker: 'done' };
    await tried(marked);
    expect(locks).toEqual([]);
  });

  it('works beside a run of an older release, with the ledger of that', async () => {
    for (const statement of [
      ...(versions()[0]?.statements ?? []),
      'INSERT INTO data_migrations.version VALUES (1)',
    ]) {
      await engine.database.query(statement);
    }
    await engine.database.query(`
      INSERT INTO data_migrations.migrations (name, status, run, cursor) VALUES ('whole-names', 'running', 'a run', '["2990"]')`);
    const before = await everythingIn(engine.database);
    const older = await engine.database.pool.connect();
    try {
      await older.query('BEGIN; UPDATE data_migrations.migrations SET batches = 1');
      expect(await tried(whole)).toMatchObject({ rows: 10, updated: 10 });
    } finally {
      await older.query('ROLLBACK');
      older.release();
    }
    expect(await everythingIn(engine.database)).toEqual(before);
  });

  it('gives up soon where rows are locked, and says why', async () => {
    const application = await engine.database.pool.connect();
    try {
      await application.query('BEGIN; SELECT FROM people FOR UPDATE');
      const begun = performance.now();
      const gaveUp = await tried(whole).catch((error: unknown) => error);
      expect(gaveUp).toBeInstanceOf(DatabaseError);
      expect(gaveUp).toMatchObject({ fault: 'moment', sqlState: '55P03' });
      expect(performance.now() - begun).toBeLessThan(5_000);
    } finally {
      await application.query('ROLLBACK');
      application.release();
    }
  });

  it('says which migration is wrong, and where', async () => {
    const wrong = backfill({
      ...whole,
      name: 'wrong',
      set: { whole: sql`no_such_function(first)` },
    } as never);
    await expect(tried(wrong)).rejects.toThrow(/migration "wrong", batch 1: .*no_such_function/s);
  });
});

it('What is rolled back goes on after a failed statement, and one call at a time', async () => {
  const inside = rolledBack(engine.dataApi(), { lock: 1, statement: 2 }, async ({ database }) => {
    await database.execute(sql`CREATE TABLE fleeting (id integer)`);
    const all = await Promise.allSettled([
      database.execute(sql`INSERT INTO fleeting VALUES (1)`),
      database.execute(sql`INSERT INTO fleeting VALUES ('x')`),
      database.transaction(async (tx) => {
        await tx.execute(sql`INSERT INTO fleeting VALUES (2)`);
        throw new Error('taken back');
      }),
      database.execute(sql`INSERT INTO fleeting VALUES (3)`),
    ]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    return database.query(sql`SELECT id FROM fleeting ORDER BY id`, { id: number() });
  });
  expect(await inside).toEqual([{ id: 1 }, { id: 3 }]);
  expect(await engine.database.query(`SELECT to_regclass('fleeting') AS there`)).toEqual([{ there: null }]);
});
