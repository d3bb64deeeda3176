import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { untilLockWait } from '../../support/lock-waits.ts';

let engine: TestEngine;
let application: pg.Client;

beforeAll(async () => {
  engine = await startEngine({ statementTimeoutSeconds: 2.5, sleeps: 0.05 });
  await upgradeLedger(engine.dataApi());
  application = new pg.Client({ connectionString: engine.database.url });
  await application.connect();
});
afterAll(async () => {
  await application.end();
  await engine.stop();
});
beforeEach(async () => {
  await engine.forget();
  engine.slept.length = 0;
  await engine.database.query('DROP TABLE IF EXISTS rows');
  await engine.database.query(
    'CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)',
  );
  await engine.database.query('INSERT INTO rows SELECT n FROM generate_series(1, 100) AS n');
});

const probe = backfill({
  name: 'probe',
  table: 'rows',
  key: 'id',
  immutableKey: true,
  set: { changed: sql`changed + 1` },
  pace: { maxRows: 40 },
});
const changes = () => engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1');
const deadlocks = async () => {
  const [found] = await engine.database.query<{ deadlocks: string }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(found?.deadlocks);
};
const everyRowOnce = [{ changed: 1, rows: 100 }];
const backOffs = () => engine.slept.filter((seconds) => seconds > 0.1);

describe('The moment’s faults are waited out:', () => {
  it('a deadlock with the application', async () => {
    const before = await deadlocks();
    await application.query('BEGIN');
    await application.query('UPDATE rows SET changed = 0 WHERE id = 30');
    const running = engine.run([probe]);
    // Our batch has locked the rows before 30, and waits for it.
    await untilLockWait(engine.database);
    const theirs = application
      .query('UPDATE rows SET changed = 0 WHERE id = 1')
      .catch((error: Error) => error);
    const outcome = await theirs;
    await application.query(outcome instanceof Error ? 'ROLLBACK' : 'COMMIT');
    // The statistics are written by the session that found it, up to a second later.
    await expect.poll(deadlocks, { timeout: 25_000 }).toBe(before + 1);
    expect((await running).probe).toMatchObject({ total_updated: 100, errors: 0 });
    expect(await changes()).toEqual(everyRowOnce);
  });

  it('a statement that takes longer than the Data API allows, with fewer rows', async () => {
    const slow = backfill({
      name: 'slow',
      table: 'rows',
      key: 'id',
      where: sql`changed = 0`,
      set: { changed: sql`1 + length(pg_sleep(0.03)::text)` },
      lanes: 1, // which never sleeps for another one
    });
    expect((await engine.run([slow])).slow).toMatchObject({ total_updated: 100, errors: 0 });
    expect(backOffs().length).toBe(1);
    expect(await changes()).toEqual(everyRowOnce);
  });

  it('a connection that is cut', async () => {
    let cuts = 0;
    engine.between = async ({ sql: text }) => {
      if (!text.includes('UPDATE "public"."rows"') || cuts === 2) {
        return;
      }
      cuts += 1;
      setTimeout(() => {
        void engine.database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE '%UPDATE "public"."rows"%' AND pid <> pg_backend_pid()`);
      }, 30);
      await engine.database.query('SELECT 1');
    };
    const slow = backfill({
      name: 'cut',
      table: 'rows',
      key: 'id',
      immutableKey: true,
      set: { changed: sql`changed + 1 + length(pg_sleep(0.01)::text)` },
      pace: { maxRows: 40 },
    });
    expect((await engine.run([slow], { attempts: 1 })).cut).toMatchObject({ total_updated: 100 });
    expect(cuts).toBe(2);
    expect(await changes()).toEqual(everyRowOnce);
  });

  it('a database that resumes', async () => {
    engine.endpoint.pause({ resumeSeconds: 1.5 });
    expect((await engine.run([probe])).probe).toMatchObject({ total_updated: 100 });
    expect(engine.slept.slice(0, 1)).toEqual([5]);
    expect(await changes()).toEqual(everyRowOnce);
  });

  it('for some time; then the run says what holds it up, and goes on from there when it is over', async () => {
    engine.between = ({ sql: text }) =>
      text.includes('UPDATE "public"."rows"') && text.includes(':p') ? 'refuse' : 'pass';
    const process = engine.process([probe], { attempts: 1 });
    const run = {
      execution_arn: 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:held-up',
      redrive_count: 0,
      part: 1,
    };
    engine.executions.set(run.execution_arn, 'RUNNING');
    await process.invoke({ operation: 'open', run, input: {} });
    await process.invoke({ operation: 'pending', run, migration: 'probe' });
    const slice = process.invoke({ operation: 'batches', run, migration: 'probe' });
    await expect(slice).rejects.toMatchObject({
      name: 'DatabaseUnavailable',
      message: expect.stringMatching(
        /migration "probe", batch 1 at the first key: .*Tried again and again in vain; look for long transactions/,
      ),
    });
    expect(engine.slept.length).toBe(9);
    expect(engine.slept.at(-1)).toBeGreaterThanOrEqual(5);
    engine.between = () => 'pass';
    await process.invoke({ operation: 'batches', run, migration: 'probe' });
    expect(await changes()).toEqual(everyRowOnce);
  }, 30_000);

  it('a lock on a conflicted row of a rewrite', async () => {
    const again = rewrite({
      name: 'again',
      table: 'rows',
      key: 'id',
      immutableKey: true,
      columns: ['changed'],
      transform: ({ changed }) => ({ changed: changed + 1 }),
    });
    let done = false;
    engine.between = async ({ sql: text }) => {
      if (done || !text.includes('UPDATE "public"."rows"')) {
        return;
      }
      done = true;
      await engine.database.query('UPDATE rows SET changed = 0 WHERE id = 10');
      await application.query('BEGIN');
      await application.query('UPDATE rows SET changed = 0 WHERE id = 10');
      setTimeout(() => void application.query('COMMIT'), 2_400);
    };
    expect((await engine.run([again])).again).toMatchObject({ total_updated: 100, errors: 0 });
    expect(await changes()).toEqual(everyRowOnce);
  });
});

it('The time that a failed slice worked is part of how long the migration took', async () => {
  const stepping = backfill({
    name: 'stepping',
    table: 'rows',
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + step()` },
  });
  let late = 0;
  const now = vi.spyOn(engine.clock, 'now').mockImplementation(() => performance.now() / 1_000 + late);
  engine.between = ({ sql: text }) => {
    late += text.includes('step()') ? 30 : 0;
    return 'pass';
  };
  await expect(engine.run([stepping])).rejects.toThrow('function step() does not exist');
  now.mockRestore();
  engine.between = () => 'pass';
  await engine.database.query('CREATE FUNCTION step() RETURNS integer AS $$ SELECT 1 $$ LANGUAGE sql');
  const { stepping: result } = await engine.run([stepping]);
  expect(result).toMatchObject({ total_updated: 100, duration_seconds: expect.any(Number) });
  expect((result as { duration_seconds: number }).duration_seconds).toBeGreaterThanOrEqual(30);
});
