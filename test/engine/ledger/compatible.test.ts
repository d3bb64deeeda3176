import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { ledgerScript, ledgerVersion } from '../../../functions/engine/ledger/schema.ts';
import { stalledOf } from '../../../functions/engine/ledger/stalled.ts';
import { currentVersion, versions } from '../../../functions/engine/ledger/versions.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';
import { makeNewer, shapeOf } from '../../support/newer-ledger.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  engine.executions.clear();
  await engine.database.query('DROP TABLE IF EXISTS counters');
  await engine.database.query(
    `CREATE TABLE counters AS SELECT n AS id, CASE n WHEN 31 THEN 2147483647 ELSE 0 END AS value FROM generate_series(1, 60) AS n`,
  );
  await engine.database.query('ALTER TABLE counters ADD PRIMARY KEY (id)');
  await engine.database.query(ledgerScript());
});

const addOne = backfill({
  name: 'add-one',
  table: 'counters',
  key: 'id',
  immutableKey: true,
  set: { value: sql`value + 1` },
  pace: { maxRows: 7 },
});
const counted = () =>
  engine.database.query(
    'SELECT value, count(*)::int AS rows FROM counters WHERE id <> 31 GROUP BY 1 ORDER BY 1',
  );
const result = { total_processed: 60, total_updated: 59, errors: 1 };
const open = (name: string, input = {}) => ({ operation: 'open', run: caller(name), input }) as const;

describe('A ledger that is newer and compatible', () => {
  it('serves whole runs of older code, which leave what they do not know as it is', async () => {
    await makeNewer(engine.database, 'compatible');
    const before = await shapeOf(engine.database);
    expect((await engine.run([addOne]))['add-one']).toMatchObject(result);
    expect(await engine.run([addOne], { input: { retry: 'add-one' } })).toMatchObject({
      'add-one': { errors: 1 },
    });
    expect(await counted()).toEqual([{ value: 1, rows: 59 }]);
    expect(await shapeOf(engine.database)).toEqual(before);
    expect(engine.statements.filter((text) => /\b(CREATE|ALTER) (TABLE|SCHEMA)\b/.test(text))).toEqual([]);
  });

  it('may become so between two slices of a run, which goes on with the code that it has', async () => {
    let slices = 0;
    const { 'add-one': done } = await engine.run([addOne], {
      after: async ({ operation }) => {
        if (operation === 'pending') {
          await makeNewer(engine.database, 'compatible');
        }
        slices += operation === 'batches' ? 1 : 0;
      },
    });
    expect(done).toMatchObject(result);
    expect(slices).toBe(1);
    expect(engine.executionsOfRun()).toHaveLength(1);
    expect(await counted()).toEqual([{ value: 1, rows: 59 }]);
  });

  it('still needs what the last breaking version before it needs', async () => {
    await makeNewer(engine.database, 'compatible');
    const [next, last] = [currentVersion + 1, currentVersion + 3];
    const needs = versions().findLastIndex(({ kind }) => kind === 'breaking') + 1;
    expect(await ledgerVersion(engine.dataApi())).toEqual({ version: next, needs });
    await makeNewer(engine.database, 'breaking');
    await makeNewer(engine.database, 'compatible');
    expect(await ledgerVersion(engine.dataApi())).toEqual({ version: last, needs: last - 1 });
    await expect(engine.process([addOne]).invoke(open('older'))).rejects.toThrow(
      `has version ${last}, and needs code that knows version ${last - 1} at least; this code knows ${currentVersion}: it is of an older release`,
    );
  });
});

describe('A ledger that is newer and breaking', () => {
  const tooNew = {
    name: 'MigrationFailed',
    message: expect.stringMatching(
      `the ledger \\(schema data_migrations\\) has version ${currentVersion + 1}; this code knows ${currentVersion}: it is of an older release .*\\. Deploy the newer one again`,
    ),
  };

  it('is refused by a start, which changes nothing', async () => {
    await makeNewer(engine.database, 'breaking');
    const before = await shapeOf(engine.database);
    await expect(engine.run([addOne])).rejects.toMatchObject(tooNew);
    expect(await engine.ledger('runs')).toEqual([]);
    expect(await shapeOf(engine.database)).toEqual(before);
  });

  it('ends a run of older code that is under way: the slice does nothing, and the next part says why', async () => {
    const run = engine.run([addOne], {
      after: async ({ operation }) => {
        if (operation === 'pending') {
          await makeNewer(engine.database, 'breaking');
        }
      },
    });
    await expect(run).rejects.toMatchObject(tooNew);
    expect(await counted()).toEqual([{ value: 0, rows: 59 }]);
  });

  it('is the reason that the watcher gives where it cannot read it', async () => {
    await makeNewer(engine.database, 'breaking');
    expect(await stalledOf(engine.dataApi(), ['any'])).toEqual([]);
    await engine.database.query('ALTER TABLE data_migrations.runs RENAME COLUMN waiting TO waits_for');
    await expect(stalledOf(engine.dataApi(), ['any'])).rejects.toMatchObject(tooNew);
  });
});

describe('Bringing a ledger up to date', () => {
  const first = versions().findLastIndex(({ kind }) => kind === 'breaking') + 1;
  /** A ledger of the last breaking version, to which all that came after is compatible. */
  const makeOlder = async () => {
    await engine.database.query('DROP TABLE data_migrations.rates');
    await engine.database.query(`DELETE FROM data_migrations.version WHERE version > ${first}`);
  };
  /** A run that somebody asked for with one migration, under way beside the releases' runs. */
  const under = async (lock: string) => {
    const arn = caller('other').execution_arn;
    engine.executions.set(arn, 'RUNNING');
    await engine.database.query(
      `INSERT INTO data_migrations.runs (execution_arn, redrive_count, status, lock) VALUES ('${arn}', 0, 'running', '${lock}')`,
    );
  };

  it('waits for no run where all that is new is compatible', async () => {
    await makeOlder();
    await under('another');
    await engine.process([addOne]).invoke(open('newer'));
    expect(await engine.ledger('version')).toHaveLength(currentVersion);
  });

  it('is refused where the run in its way is one of a release, all the same', async () => {
    await makeOlder();
    await under('');
    await expect(engine.process([addOne]).invoke(open('newer'))).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
    });
    expect(await engine.ledger('version')).toHaveLength(first);
  });

  it('is refused beside any run that is not in the background where something is breaking', async () => {
    await makeOlder();
    await under('another');
    await engine.database.query(`
      DELETE FROM data_migrations.version WHERE version = ${first};
      ALTER TABLE data_migrations.version DROP COLUMN compatible`);
    await expect(engine.process([addOne]).invoke(open('newer'))).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
    });
    expect(await engine.ledger('version')).toHaveLength(first - 1);
  });
});
