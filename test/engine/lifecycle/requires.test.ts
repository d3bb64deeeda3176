import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { migrate } from '../../../functions/migrate/migrate.ts';
import { registry } from '../../../functions/migrate/registry.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

/** A step of the way from 0: it takes rows that are one step before it, or any that it has not been done to. */
const step = (name: string, n: number, requires: readonly string[] = [], anyRow = true): Migration =>
  backfill({
    name,
    table: 'steps',
    key: 'id',
    where: anyRow ? sql`done < ${n}` : sql`done = ${n - 1}`,
    set: { done: sql`${n}::integer` },
    requires,
  });

const wrong: Record<string, readonly [migrations: readonly Migration[], problem: string]> = {
  'that does not exist': [
    [step('first', 1), step('second', 2, ['frist', 'first'])],
    'migration "second" requires frist, which is not registered; registered are: first, second; did you mean first?',
  ],
  'that requires it, too': [
    [step('a', 1, ['c']), step('b', 2, ['a']), step('c', 3, ['b'])],
    'migrations require each other: a → c → b → a',
  ],
  'which is itself': [[step('a', 1, ['a'])], 'migrations require each other: a → a'],
  'that comes after it': [
    [step('second', 2, ['first']), step('first', 1)],
    'migration "second" requires first, which is registered after it; migrations run in their order',
  ],
};

describe('A migration that requires another', () => {
  it.each(Object.entries(wrong))('%s is an error of the list', (_, [migrations, message]) => {
    expect(() => registry(migrations)).toThrow(expect.objectContaining({ name: 'MigrationFailed', message }));
  });

  it('wrongly is an error at synth, and when the Lambda is loaded', async () => {
    const [migrations, message] = wrong['that requires it, too'] ?? [[], ''];
    const { App } = await import('aws-cdk-lib');
    const { dataMigrations } = await import('../../../infra/data-migrations.ts');
    const { fixtures } = await import('../../infra/synthesized.ts');
    const { default: cdk } = await import('../../../cdk.json', { with: { type: 'json' } });
    const app = new App({ context: { ...cdk.context, createDatabase: 'true', stage: 'staging' } });
    expect(() => dataMigrations(app, { ...fixtures, migrations })).toThrow(message);
    expect(() => migrate(migrations)).toThrow(message);
  });

  it('in any number of ways is fine, as long as there is no circle', () => {
    const all = ['a', 'b', 'c', 'd'].map((name, i, names) => step(name, i + 1, names.slice(0, i)));
    expect(() => registry(all)).not.toThrow();
  });
});

describe('A run', () => {
  let engine: TestEngine;
  const refusal = {
    name: 'MigrationFailed',
    message:
      'migration "second" requires "first", which is not finished. Start the machine with {"only": "first"}, or with {} for ' +
      'all of them in order',
  };

  beforeAll(async () => {
    engine = await startEngine();
    await upgradeLedger(engine.dataApi());
    await engine.database.query('CREATE TABLE steps (id integer PRIMARY KEY, done integer NOT NULL)');
  });
  afterAll(() => engine.stop());
  beforeEach(async () => {
    await engine.forget();
    await engine.database.query('DELETE FROM steps');
    await engine.database.query('INSERT INTO steps SELECT n, 0 FROM generate_series(1, 10) AS n');
  });
  const done = async () => (await engine.database.query('SELECT DISTINCT done FROM steps'))[0];
  const only = { input: { only: 'second' } };

  it.each([
    ['it has work', true],
    ['the other one makes the work for it', false],
  ])('refuses a migration before what it requires is finished, where %s', async (_, anyRow) => {
    const migrations = [step('first', 1), step('second', 2, ['first'], anyRow)];
    await expect(engine.run(migrations, only)).rejects.toMatchObject(refusal);
    expect(await done()).toEqual({ done: 0 });
    await engine.run(migrations, { input: { only: 'first' } });
    expect(await engine.run(migrations, only)).toMatchObject({ second: { total_updated: 10 } });
    expect(await done()).toEqual({ done: 2 });
  });

  it('of all takes them in their order', async () => {
    const migrations = [step('first', 1), step('second', 2, ['first'], false)];
    expect(await engine.run(migrations)).toMatchObject({
      first: { total_updated: 10 },
      second: { total_updated: 10 },
    });
  });

  it.each(['failed', 'restored', 'running'])('refuses it while the other is %s', async (status) => {
    await engine.database.query(
      `INSERT INTO data_migrations.migrations (name, status, run) VALUES ('first', '${status}', 'earlier')`,
    );
    const migrations = [step('first', 1), step('second', 2, ['first'])];
    await expect(engine.run(migrations, only)).rejects.toMatchObject(refusal);
  });

  it('takes it where the other was never needed, or has been cleaned up', async () => {
    await engine.database.query('UPDATE steps SET done = 1');
    const migrations = [step('first', 1), step('second', 2, ['first'])];
    expect(await engine.run(migrations, only), 'never needed').toMatchObject({
      second: { total_updated: 10 },
    });

    await engine.forget();
    await engine.database.query('UPDATE steps SET done = 0');
    await engine.database.query(`INSERT INTO data_migrations.migrations (name, status, run, cleaned_up_at)
      VALUES ('first', 'finished', 'earlier', now())`);
    expect(await engine.run(migrations, only), 'cleaned up').toMatchObject({ second: { total_updated: 10 } });
  });
});
