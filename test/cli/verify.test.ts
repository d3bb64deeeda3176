import { afterAll, beforeAll, expect, test } from 'vitest';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../functions/engine/batch/rewrite.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { everythingIn } from '../support/everything.ts';
import { type DemoOperator, demoOperator } from './demo-operator.ts';

let at: DemoOperator;
beforeAll(async () => {
  at = await demoOperator();
  await at.begin();
});
afterAll(() => at.close());

const everything = () => everythingIn(at.runtime.database);

test('verify runs on a copy: the answer of the document, and the table as it was', async () => {
  await at.begin();
  const before = await everything();
  const { code, stdout } = await at.does(['verify', 'users-full-name', '--runs', '3']);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: '{"rows_updated":9500,"runs":3,"final_state":"unchanged"}\n',
  });
  await at.does(['verify', 'users-full-name', '--runs', '2', '--rows', '500']);
  expect(await everything()).toEqual(before);

  const idle = backfill({
    name: 'idle',
    table: 'engine_configs',
    key: 'id',
    where: sql`name IS NULL`,
    set: { name: sql`'none'` },
  });
  const { stderr } = await at.does(['verify', 'idle'], { checkout: [idle] });
  expect(stderr).toContain('No row was changed, so this shows nothing');
});

test.each([
  {
    what: 'every row that needs the change',
    fails: () => true,
    errorBudget: 3_000,
    says: /^No row was changed, so this shows nothing: every row that needs the change failed\n3,000 rows could not/,
  },
  {
    what: 'more rows than the errorBudget',
    fails: (id: string) => id.endsWith('7'),
    errorBudget: 100,
    says: /A run would end with ErrorBudgetSpent: its errorBudget is 100\n$/,
  },
])(
  'verify exits with 1 where $what failed, and says which rows and why',
  async ({ fails, errorBudget, says }) => {
    const failing = rewrite<{ id: string; name: string }>({
      name: 'failing',
      table: 'engine_configs',
      key: 'id',
      immutableKey: true,
      columns: ['name'],
      transform: ({ id, name }) => {
        if (fails(id)) {
          throw new Error(`no name for ${id}`);
        }
        return { name: name.trim().concat('.').replace(/\.+$/, '.') };
      },
      errorBudget,
    });
    const { code, stdout, stderr } = await at.does(['verify', 'failing', '--runs', '2'], {
      checkout: [failing],
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(says) });
    expect(stderr).toMatch(/\n *key +failed +SQLSTATE\n *(\S+) +no name for \1/);
    expect(JSON.parse(stdout)).toMatchObject({ errors: expect.any(Number), final_state: 'unchanged' });
  },
);

test('verify shows what differs and exits with 1, and refuses tables and wrong numbers', async () => {
  const twice = backfill({
    name: 'twice',
    table: 'engine_configs',
    key: 'id',
    immutableKey: true,
    set: { name: sql`name || '!'` },
  });
  const { code, stdout, stderr } = await at.does(['verify', 'twice', '--rows', '20'], {
    checkout: [twice],
  });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ rows_updated: 20, runs: 3, final_state: 'changed' });
  expect(JSON.parse(stdout).differences[0].changes).toEqual({ name: ['Rule 1!', 'Rule 1!!'] });
  expect(stderr).toMatch(/twice may not run again.*\n *key +column +after run 1 +after a later one\n/);

  const { code: refused, stderr: why } = await at.does(['verify', 'audience-updated-at']);
  expect(refused).toBe(1);
  expect(why).toContain('it has no rows to compare');
  expect(await at.does(['verify', 'users-full-name', '--runs', '1'])).toMatchObject({ code: 2 });
  expect(await at.does(['verify', 'users-full-name', '--rows', 'some'])).toMatchObject({ code: 2 });
  expect(await at.does(['verify', 'user-full-name'])).toMatchObject({ code: 2 });
});
