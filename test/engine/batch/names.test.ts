import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql, unsafeSql } from '../../../functions/engine/database/sql.ts';
import { condition } from '../../../functions/engine/define/validations.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query('CREATE TABLE things (id integer PRIMARY KEY, other integer, ok boolean)');
});
afterAll(() => engine.stop());
beforeEach(() => engine.reset());

/** What the engine's own statements are made of, and what an application may well call a table. */
const names = ['page', 'rest', 'last', 'held', 'changed', 'old', 'new', 'moved', 'm'];
const rows = 10;

describe('A table of the application keeps its meaning in the SQL of a migration', () => {
  it.each(names)('if it is called %s', async (name) => {
    await engine.database.query(
      `CREATE TABLE "${name}" (id integer PRIMARY KEY, page_rows integer, key integer, name text)`,
    );
    await engine.database.query(
      `INSERT INTO "${name}" SELECT n, n, n, n FROM generate_series(1, ${rows}) AS n`,
    );
    const isThere = sql`other IN (SELECT id FROM ${unsafeSql(`"${name}"`)})`;
    const base = { table: 'things', key: 'id', onInvalid: 'restore', pace: { maxRows: 4 } } as const;
    const migrations = [
      backfill({ ...base, name: 'in-sql', where: sql`ok IS NULL AND ${isThere}`, set: { ok: isThere } }),
      rewrite({
        ...base,
        name: 'in-typescript',
        columns: ['ok'],
        where: sql`ok IS NULL AND ${isThere}`,
        transform: () => ({ ok: true }),
      }),
      backfill({
        ...base,
        name: 'marked',
        marker: 'is_done',
        set: { ok: isThere },
        validate: [condition('there', isThere)],
      }),
    ];
    for (const migration of migrations) {
      await engine.database.query('TRUNCATE things');
      await engine.database.query(`INSERT INTO things SELECT n, n FROM generate_series(1, ${rows}) AS n`);
      const result = await engine.run([migration]);
      expect(result[migration.name], migration.name).toMatchObject({ total_updated: rows, errors: 0 });
      expect(await engine.database.query('SELECT ok, count(*)::int AS rows FROM things GROUP BY 1')).toEqual([
        { ok: true, rows },
      ]);
    }
    await engine.database.query(`DROP TABLE "${name}"`);
  });

  it.each(names)('and can be restored if it is called %s', async (name) => {
    await engine.database.query(`CREATE TABLE "${name}" (id integer PRIMARY KEY, form text)`);
    await engine.database.query(
      `INSERT INTO "${name}" SELECT n, 'old' FROM generate_series(1, ${rows}) AS n`,
    );
    const migration = backfill({
      name: 'restored',
      table: name,
      key: 'id',
      where: sql`form = 'old'`,
      set: { form: sql`'new'` },
      validate: [condition('never', sql`form = 'old'`)],
      onInvalid: 'restore',
    });
    await expect(engine.run([migration])).rejects.toMatchObject({
      name: 'ValidationFailed',
      message: expect.stringContaining(`${rows} of the rows that it had changed were put back`),
    });
    expect(
      await engine.database.query(`SELECT form, count(*)::int AS rows FROM "${name}" GROUP BY 1`),
    ).toEqual([{ form: 'old', rows }]);
    await engine.database.query(`DROP TABLE "${name}"`);
  });
});

it('No statement with SQL of an author has a name of ours without the mark', async () => {
  const fragment = '/* by its author */ true';
  const where = sql`ok IS NULL AND ${unsafeSql(fragment)}`;
  const base = {
    table: 'things',
    key: 'id',
    validate: [condition('ok', sql`ok AND ${unsafeSql(fragment)}`)],
  };
  const kinds = [
    backfill({ ...base, name: 'plain', where, set: { ok: sql`id > 3` } }),
    backfill({
      ...base,
      name: 'marked',
      where,
      marker: 'is_done',
      onInvalid: 'restore',
      set: { ok: sql`id > 3` },
    }),
    rewrite({
      ...base,
      name: 'rewritten',
      where,
      columns: ['ok'],
      onInvalid: 'restore',
      transform: () => ({ ok: true }),
    }),
  ];
  for (const kind of kinds) {
    await engine.database.query('TRUNCATE things');
    await engine.database.query(`INSERT INTO things SELECT n, n FROM generate_series(1, ${rows}) AS n`);
    await engine.run([kind]).catch(() => undefined);
  }
  const seen = engine.statements.filter((statement) => statement.includes(fragment));
  const named = seen.flatMap((statement) =>
    [...statement.matchAll(/(?:\bWITH|,)\s*("[^"]+"|\w+) AS (?:MATERIALIZED )?\(/g)].map(([, name]) => name),
  );
  expect(new Set(named).size).toBeGreaterThan(10);
  expect(named.filter((name) => !name?.endsWith('#"'))).toEqual([]);
});
