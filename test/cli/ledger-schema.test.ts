import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { checkSchema, defaultSchema, useSchema } from '../../functions/engine/ledger/names.ts';
import { prepareDemo } from '../support/demo.ts';
import { type DemoOperator, demoOperator } from './demo-operator.ts';

let operator: DemoOperator;

beforeAll(async () => {
  operator = await demoOperator({ context: { ledgerSchema: 'orders_ledger', stage: 'staging' } });
  await prepareDemo({ connectionString: operator.runtime.database.url }, false);
});
afterEach(() => useSchema(defaultSchema)); // each command finds it by the tags of the machine
afterAll(() => operator.close());

test('the ledger is where the stack says: for the runs, the follow-up job and every command, which are told the stage alone', async () => {
  const { database } = operator.runtime;
  const does = async (...args: string[]) => {
    useSchema(defaultSchema);
    const { code, stdout, stderr } = await operator.does(['--stage', 'staging', ...args]);
    return { code, said: stdout + stderr };
  };

  expect(await does('plan')).toMatchObject({ code: 0, said: expect.stringContaining('users-full-name') });
  expect(await does('verify', 'users-full-name')).toMatchObject({ code: 0 });
  expect(await does('start', '--wait')).toMatchObject({ code: 0 });
  expect(await does('list')).toMatchObject({
    code: 0,
    said: expect.stringMatching(/users-full-name .*finished/),
  });
  expect(await does('errors', 'ci-builds-stage-id')).toMatchObject({ code: 0 });
  expect(await does('pause', 'users-full-name', '--reason', 'a look')).toMatchObject({ code: 0 });
  expect(await does('resume', 'users-full-name')).toMatchObject({ code: 0 });
  expect(await does('tune', 'users-full-name', '--rest', '1')).toMatchObject({ code: 0 });
  expect(await does('history')).toMatchObject({
    code: 0,
    said: expect.stringMatching(/paused[\s\S]*resumed[\s\S]*tuned/),
  });
  expect(await does('finished', 'users-full-name')).toMatchObject({ code: 0 });
  expect(await does('cleanup', 'users-full-name')).toMatchObject({ code: 0 });

  const schemas = await database.query(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname IN ('data_migrations', 'orders_ledger')`,
  );
  expect(schemas).toEqual([{ name: 'orders_ledger' }]);
  const rebuilds = 'SELECT events > 0 AS replayed FROM orders_ledger.rebuilds WHERE finished_at IS NOT NULL';
  await expect.poll(() => database.query(rebuilds), { timeout: 20_000 }).toEqual([{ replayed: true }]);
});

test.each([
  '',
  'Orders',
  'orders ledger',
  'pg_ledger',
  '1st',
  `a${'b'.repeat(63)}`,
  'x"; DROP SCHEMA demo; --',
])('a schema called %j is refused, saying what is allowed', (name) => {
  expect(() => checkSchema(name)).toThrow(
    `got ${JSON.stringify(name)}, allowed are up to 63 of a-z, 0-9 and _`,
  );
});
