import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { type RewriteOptions, rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { condition } from '../../../functions/engine/define/validations.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const rows = 60;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS papers');
  await engine.database.query(
    'CREATE TABLE papers (id integer PRIMARY KEY, body text, doc jsonb, raw bytea, read boolean, done boolean)',
  );
  await engine.database.query(
    `INSERT INTO papers SELECT n, 'body ' || n, jsonb_build_object('n', n), '\\x00ff', n % 2 = 0 FROM generate_series(1, ${rows}) AS n`,
  );
});

interface Paper {
  id: number;
  body: string | null;
  doc: { n: number; text?: string };
  raw: Uint8Array | null;
  read: boolean | null;
  done: boolean | null;
}

/** Doubles the text, adds to the document and to the bytes. */
const doubled = (more: Partial<RewriteOptions<Paper>> = {}) =>
  rewrite<Paper>({
    name: 'doubled',
    table: 'papers',
    key: 'id',
    columns: ['body', 'doc', 'raw', 'read', 'done'],
    where: sql`done IS NULL`,
    transform: ({ body, doc, raw, read }) => ({
      body: body === null ? null : body + body,
      doc: { ...doc, n: doc.n + 1 },
      raw: raw === null ? null : Uint8Array.from([...raw, 255]),
      read: read === null ? null : !read,
      done: true,
    }),
    ...more,
  });

/** What `doubled` is to make of all rows, worked out by PostgreSQL. */
const expected = `SELECT id, md5(body || body) AS body, md5((doc || jsonb_build_object('n', (doc ->> 'n')::integer + 1))::text) AS doc,
  md5(raw || '\\xff'::bytea) AS raw, NOT read AS read FROM papers ORDER BY id`;
const actual = `SELECT id, md5(body) AS body, md5(doc::text) AS doc,
  md5(raw) AS raw, read FROM papers ORDER BY id`;

async function make(id: number, column: string, value: string): Promise<void> {
  await engine.database.query(`UPDATE papers SET ${column} = ${value} WHERE id = ${id}`);
}

it('Rows of any length are rewritten, whatever is long in them', async () => {
  await make(3, 'body', `repeat('x', 70000)`);
  await make(4, 'body', `repeat('漢😀"\\', 300000)`); // 2.7 MB, and twice that to write
  await make(17, 'doc', `jsonb_build_object('n', 17, 'text', repeat('"ä', 100000))`);
  await make(18, 'raw', `decode(repeat('0001fe', 70000), 'hex')`);
  await make(19, 'body', 'NULL');
  await make(19, 'doc', `jsonb_build_object('n', 19, 'text', repeat('y', 90000))`);
  await make(20, 'body', `''`);
  await make(20, 'raw', `decode(repeat('41', 45000 * 3), 'hex')`);
  await make(20, 'read', 'NULL');
  await make(60, 'body', `repeat('z', 65000)`);
  const wanted = await engine.database.query(expected);
  const { doubled: result } = await engine.run([doubled()]);
  expect(result).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
  expect(await engine.database.query(actual)).toEqual(wanted);
});

it('A table with nothing but long rows is rewritten in pages that fit', async () => {
  await engine.database.query(`UPDATE papers SET body = repeat('0123456789', 8000)`);
  const { doubled: result } = await engine.run([
    doubled({ columns: ['body', 'done'], transform: ({ body }) => ({ body: `${body}!`, done: true }) }),
  ]);
  expect(result).toMatchObject({ total_updated: rows, errors: 0 });
  expect(await engine.database.query('SELECT DISTINCT length(body) AS length FROM papers')).toEqual([
    { length: 80_001 },
  ]);
});

it('A long row that is changed while it is read loses nothing', async () => {
  await make(5, 'body', `repeat('x', 4600000)`);
  let changed = false;
  engine.between = async ({ sql: text }) => {
    if (!changed && text.includes('convert_to')) {
      changed = true;
      await make(5, 'body', `repeat('y', 4600000)`);
    }
    return 'pass' as const;
  };
  expect((await engine.run([doubled()])).doubled).toMatchObject({ total_updated: rows, errors: 0 });
  expect(changed).toBe(true);
  expect(
    await engine.database.query(
      `SELECT length(body) AS length, left(body, 1) || right(body, 1) AS ends FROM papers WHERE id = 5`,
    ),
  ).toEqual([{ length: 9_200_000, ends: 'yy' }]);
});

it('A long row that is changed between its read and its write is read again', async () => {
  await make(5, 'body', `repeat('x', 100000)`);
  let changed = false;
  engine.between = async ({ sql: text }) => {
    if (!changed && text.includes('UPDATE "public"."papers"')) {
      changed = true;
      await make(5, 'body', `repeat('y', 100000)`);
    }
    return 'pass' as const;
  };
  expect((await engine.run([doubled()])).doubled).toMatchObject({ total_updated: rows, errors: 0 });
  expect(
    await engine.database.query(`SELECT body = repeat('y', 200000) AS right FROM papers WHERE id = 5`),
  ).toEqual([{ right: true }]);
});

it.each(['"', '漢'])(
  'Rows are written in requests that fit, however their characters are escaped: %s',
  async (large) => {
    const { doubled: result } = await engine.run([
      doubled({
        transform: ({ id }) => ({ done: true, body: large.repeat(id === 7 ? 2_200_000 : 50_000) }),
        where: sql`done IS NULL AND id <= 20`,
      }),
    ]);
    expect(result).toMatchObject({ errors: 0, total_updated: 20 });
    expect(
      await engine.database.query('SELECT DISTINCT length(body) AS length FROM papers WHERE done ORDER BY 1'),
    ).toEqual([{ length: 50_000 }, { length: 2_200_000 }]);
  },
);

it('Long rows are put back', async () => {
  await make(4, 'body', `repeat('漢😀"\\', 300000)`);
  const before = await engine.database.query('SELECT id, md5(papers::text) AS sum FROM papers ORDER BY id');
  const never = doubled({ onInvalid: 'restore', validate: [condition('never', sql`done IS NULL`)] });
  await expect(engine.run([never])).rejects.toMatchObject({ name: 'ValidationFailed' });
  expect(await engine.database.query('SELECT id, md5(papers::text) AS sum FROM papers ORDER BY id')).toEqual(
    before,
  );
});

it('Where the end is, is said: to read, and to write', async () => {
  await make(7, 'body', `repeat('x', ${33 * 2 ** 20})`);
  const { doubled: result } = await engine.run([
    doubled({ transform: ({ id }) => ({ body: id === 8 ? 'y'.repeat(33 * 2 ** 20) : 'short', done: true }) }),
  ]);
  expect(result).toMatchObject({ total_updated: rows - 2, errors: 2 });
  expect(await engine.ledger('row_errors')).toMatchObject([
    {
      key: ['7'],
      reason: expect.stringMatching(
        /^the row has 346\d{5} bytes; a rewrite can read 33554432, a backfill any number$/,
      ),
    },
    {
      key: ['8'],
      reason: expect.stringMatching(
        /^the new values of 1 rows take 346\d{5} bytes; a rewrite can write 33554432$/,
      ),
    },
  ]);
  const any = backfill({
    name: 'any',
    table: 'papers',
    key: 'id',
    where: sql`done IS NULL`,
    set: { body: sql`body || body`, done: sql`true` },
  });
  expect((await engine.run([any])).any).toMatchObject({ total_updated: 2, errors: 0 });
});
