import { boolean, nullable } from 'valibot';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { conditionGroups } from '../../demo/application/condition-groups.ts';
import { readPayload } from '../../demo/application/event-payload.ts';
import { prepareDemo } from '../../demo/database/prepare.ts';
import { migrations } from '../../demo/migrations/index.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { rowsOf } from '../support/opened.ts';

let engine: TestEngine;
const followUps = {
  'rebuild-employee-projections':
    'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild-employee-projections',
};

beforeAll(async () => {
  engine = await startEngine();
  await prepareDemo({ connectionString: engine.database.url }, false);
  await engine.database.query(`ALTER DATABASE ${engine.database.name} SET search_path = demo`);
});
afterAll(() => engine.stop());

it('The migrations change the demo application as its result map says, and then are skipped', async () => {
  const conditions = () =>
    engine.database.query('SELECT id, conditions FROM demo.engine_configs ORDER BY id');
  const before = (await conditions()) as {
    id: string;
    conditions: { operation?: string; conditions?: unknown[] }[];
  }[];
  const events = () =>
    engine.database.query<{ payload: Buffer; encoding: string }>(
      'SELECT payload, encoding FROM demo.employee_events ORDER BY position',
    );
  const payloads = (await events()).map(({ payload, encoding }) => readPayload(payload, encoding));

  const result = await engine.run(migrations, { followUps, input: { mode: 'foreground' } });
  expect(result).toMatchObject({
    'users-full-name': {
      total_processed: 10_000,
      total_updated: 9_500,
      errors: 0,
      validations: [
        { name: 'no_nulls', passed: true, failed_rows: 0 },
        { name: 'email_format', passed: true, failed_rows: 0 },
      ],
    },
    'engine-config-condition-groups': { total_processed: 3_000, total_updated: 2_250, errors: 0 },
    'employee-event-payloads': { total_processed: 20_000, total_updated: 20_000, errors: 0 },
    'ci-builds-stage-id': { total_processed: 50_000, total_updated: 49_800, errors: 200 },
    next_jobs: ['rebuild-employee-projections'],
  });
  expect(Object.keys(result)).toEqual([
    ...migrations.map(({ name }) => name),
    'next_jobs',
    'next_executions',
  ]);

  const [users] = await engine.database.query(
    `SELECT count(*)::int AS right FROM demo.users WHERE full_name = first_name || ' ' || last_name`,
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
  const [builds] = await engine.database.query(`
    SELECT count(*) FILTER (WHERE s.pipeline_id = b.pipeline_id AND s.name = b.stage)::int AS right,
      count(*) FILTER (WHERE stage_id IS NULL AND b.stage = 'canary')::int AS without
    FROM demo.ci_builds b LEFT JOIN demo.ci_stages s ON s.id = b.stage_id`);
  expect(builds).toEqual({ right: 49_800, without: 200 });

  const again = await engine.run(migrations, { followUps, name: 'again' });
  expect(again).toMatchObject(Object.fromEntries(migrations.map(({ name }) => [name, 'skipped'])));
});

it('The condition of the condition groups finds what its codec does not call current, however odd', async () => {
  const odd = [
    [],
    [{ operation: 'is' }],
    [{ operation: 'is', conditions: null }],
    [{ operation: 'is', conditions: [] }],
    [{ conditions: [] }],
    [{ conditions: 5 }],
    [5],
    {},
    null,
  ];
  const migration = migrations.find(({ name }) => name === 'engine-config-condition-groups');
  const { where } = rowsOf(migration as Migration);
  const found = await engine.dataApi().query(
    sql`
    SELECT (${where ?? null}) AS matches FROM jsonb_array_elements(${JSON.stringify(odd)}::jsonb)
      WITH ORDINALITY AS odd (conditions, nth) ORDER BY nth`,
    { matches: nullable(boolean()) },
  );
  expect(found.map(({ matches }) => !matches)).toEqual(odd.map(conditionGroups.isCurrent));
});
