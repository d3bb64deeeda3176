import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { currentVersion } from '../../../functions/engine/ledger/versions.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS counters');
});

/** The migration that the old run was in the middle of. */
const addOne = backfill({
  name: 'add-one-in-sql',
  table: 'counters',
  key: 'id',
  immutableKey: true,
  set: { in_sql: sql`in_sql + 1` },
});
const counted = () =>
  engine.database.query(
    'SELECT in_sql, count(*)::int AS rows FROM counters WHERE id <> 31 GROUP BY 1 ORDER BY 1',
  );

// What releases of these versions left behind when their run was stopped in the middle of its second part.
describe.each([2, 3, 6])('A ledger of version %d', (version) => {
  const load = async () => {
    const script = readFileSync(new URL(`version-${version}.sql`, import.meta.url), 'utf8');
    await engine.database.query(script);
    const [{ execution_arn: arn } = { execution_arn: '' }] = await engine.database.query<{
      execution_arn: string;
    }>(`SELECT execution_arn FROM data_migrations.runs WHERE status = 'running'`);
    return arn;
  };

  it('is brought up to date by the next run, which goes on from the checkpoint', async () => {
    await load();
    const result = await engine.run([addOne]);
    expect(result['add-one-in-sql']).toMatchObject({ total_processed: 60, errors: 1 });
    expect(await counted()).toEqual([{ in_sql: 1, rows: 59 }]);
    expect(await engine.ledger('version')).toHaveLength(currentVersion);
  });

  it('is left as it is by a start that is refused because its run is still under way', async () => {
    const arn = await load();
    engine.executions.set(arn, 'RUNNING');
    const open = { operation: 'open', run: caller('refused'), input: {} } as const;
    await expect(engine.process([addOne]).invoke(open)).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
      message: expect.stringContaining(arn),
    });
    expect(await engine.ledger('version')).toHaveLength(version);
  });
});

it('A ledger that a newer release has upgraded makes older code end its part without doing anything', async () => {
  await engine.database.query(
    'CREATE TABLE counters AS SELECT n AS id, 0 AS in_sql FROM generate_series(1, 60) AS n',
  );
  await engine.database.query('ALTER TABLE counters ADD PRIMARY KEY (id)');
  const process = engine.process([addOne]);
  const run = caller('older');
  const migration = addOne.name;
  await process.invoke({ operation: 'open', run, input: {} });
  await process.invoke({ operation: 'pending', run, migration });
  await engine.database.query(`INSERT INTO data_migrations.version VALUES (${currentVersion + 1})`);
  expect(await process.invoke({ operation: 'batches', run, migration })).toMatchObject({
    state: 'continued',
  });
  expect(await process.invoke({ operation: 'close', run })).toEqual({ state: 'continued' });
  expect(await counted()).toEqual([{ in_sql: 0, rows: 59 }]);
});
