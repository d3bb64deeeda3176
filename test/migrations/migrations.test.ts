import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPayload } from '../../functions/application/event-payload.ts';
import { migrations } from '../../functions/migrations/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
const followUps = {
  'rebuild-employee-projections':
    'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild-employee-projections',
};
const demo = (file: string) => readFileSync(new URL(`../../local/demo/${file}`, import.meta.url), 'utf8');

beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(demo('schema.sql'));
  await engine.database.query(demo('data.sql'));
});
afterAll(() => engine.stop());

it('The migrations change the demo application as its result map says, and then are skipped', async () => {
  const conditions = () => engine.database.query('SELECT id, conditions FROM engine_configs ORDER BY id');
  const before = (await conditions()) as {
    id: string;
    conditions: { operation?: string; conditions?: unknown[] }[];
  }[];
  const events = () =>
    engine.database.query<{ payload: Buffer; encoding: string }>(
      'SELECT payload, encoding FROM employee_events ORDER BY position',
    );
  const payloads = (await events()).map(({ payload, encoding }) => readPayload(payload, encoding));

  const result = await engine.run(migrations, { followUps });
  expect(result).toMatchObject({
    'users-full-name': { total_processed: 10_000, total_updated: 9_500, errors: 0 },
    'engine-config-condition-groups': { total_processed: 3_000, total_updated: 2_250, errors: 0 },
    'employee-event-payloads': { total_processed: 20_000, total_updated: 20_000, errors: 0 },
    next_jobs: ['rebuild-employee-projections'],
  });
  expect(Object.keys(result)).toEqual([...migrations.map(({ name }) => name), 'next_jobs']);

  const [users] = await engine.database.query(
    `SELECT count(*)::int AS right FROM users WHERE full_name = first_name || ' ' || last_name`,
  );
  expect(users).toEqual({ right: 10_000 });
  const grouped = before.map(({ id, conditions: old }) => ({
    id,
    conditions: old.length === 0 || old[0]?.conditions ? old : [{ conditions: old }],
  }));
  expect(await conditions()).toEqual(grouped);
  const rewritten = await events();
  expect(new Set(rewritten.map(({ encoding }) => encoding))).toEqual(new Set(['cbor']));
  expect(rewritten.map(({ payload, encoding }) => readPayload(payload, encoding))).toEqual(payloads);

  engine.executions.set(
    `${followUps['rebuild-employee-projections'].replace('stateMachine', 'execution')}:run-1`,
    'RUNNING',
  );
  const again = await engine.run(migrations, { followUps, name: 'again' });
  expect(again).toMatchObject(Object.fromEntries(migrations.map(({ name }) => [name, 'skipped'])));
});

it('Every file with a migration is in the list', async () => {
  const { readdirSync } = await import('node:fs');
  const files = readdirSync(new URL('../../functions/migrations/', import.meta.url)).filter(
    (file) => file !== 'index.ts',
  );
  expect(files.map((file) => file.replace('.ts', '')).sort()).toEqual(
    migrations.map(({ name }) => name).sort(),
  );
});
