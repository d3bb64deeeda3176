import { decode } from 'cborg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareDemo } from '../support/demo.ts';
import { type Ended, startTestRuntime, type TestRuntime } from '../support/runtime.ts';

let chain: TestRuntime;
let original: Awaited<ReturnType<typeof everything>>;
/** What the main job made of it. */
let migrated: Awaited<ReturnType<typeof everything>>;
let projection: { readonly employee_id: string }[];
let run: Ended;
let rebuild: Ended;

beforeAll(async () => {
  chain = await startTestRuntime({ secondMs: 50 });
  await prepareDemo({ connectionString: chain.database.url }, true);
  await chain.database.query(`ALTER DATABASE ${chain.database.name} SET search_path = demo, public`);
  original = await everything();
  run = await chain.run({ mode: 'foreground' }); // in the background it takes its time
  const [first, ...others] = await rebuilds();
  expect(others).toEqual([]);
  rebuild = first as Ended;
  migrated = await everything();
  projection = await chain.database.query(`
    SELECT employee_id, name, title, office, status, hired_on::text, left_on::text, events, last_position::int
    FROM demo.employee_projection`);
});
afterAll(() => chain.close());

interface User {
  readonly first_name: string;
  readonly last_name: string;
  readonly full_name: string | null;
}
interface Config {
  readonly id: string;
  readonly conditions: readonly { readonly conditions?: unknown }[];
}
interface Event {
  readonly position: string;
  readonly employee_id: string;
  readonly type: string;
  readonly payload: Buffer;
  readonly encoding: string;
}

async function everything() {
  const { query } = chain.database;
  return {
    users: await query<User & { id: string }>('SELECT * FROM demo.users ORDER BY id'),
    configs: await query<Config>('SELECT id, conditions FROM demo.engine_configs ORDER BY id'),
    events: await query<Event>('SELECT * FROM demo.employee_events ORDER BY position'),
  };
}

const counted = (processed: number, updated: number) => ({
  total_processed: processed,
  total_updated: updated,
  errors: 0,
  duration_seconds: expect.any(Number),
});

/** All rebuilds there have been, ended. */
async function rebuilds(): Promise<Ended[]> {
  const all = await chain.executions(chain.rebuildMachineArn);
  return Promise.all(all.map((arn) => chain.ended(arn)));
}

test('the main job on the demo’s data counts exactly, changes what it should and nothing else', () => {
  const { status, result } = run;
  expect({ status, result }).toMatchObject({
    status: 'SUCCEEDED',
    result: {
      'users-full-name': counted(10_000, 9_500),
      'engine-config-condition-groups': counted(3_000, 2_250),
      'employee-event-payloads': counted(20_000, 20_000),
      'audience-updated-at': counted(40, 35),
      'ci-builds-stage-id': { ...counted(50_000, 49_800), errors: 200 },
      next_jobs: ['rebuild-employee-projections'],
    },
  });
  const now = migrated;
  expect(now.users).toEqual(
    original.users.map((user) => ({ ...user, full_name: `${user.first_name} ${user.last_name}` })),
  );
  const isNew = ({ conditions: [first] }: Config) => first === undefined || first.conditions !== undefined;
  expect(original.configs.filter(isNew)).toHaveLength(750);
  expect(now.configs).toEqual(
    original.configs.map((config) =>
      isNew(config) ? config : { id: config.id, conditions: [{ conditions: config.conditions }] },
    ),
  );
  expect(now.events.map((event) => ({ ...event, payload: decode(event.payload) }))).toEqual(
    original.events.map((event) => ({ ...event, encoding: 'cbor', payload: parsed(event) })),
  );
});

test('the projection is what the events say, worked out here from what they were before', () => {
  expect(rebuild).toMatchObject({ status: 'SUCCEEDED', result: { events: 20_000, projections: 2_000 } });
  expect(new Map(projection.map((row) => [row.employee_id, row]))).toEqual(projected(original.events));
});

test('a second run finds everything done and rebuilds nothing', async () => {
  const before = (await rebuilds()).length;
  const { status, result } = await chain.run();
  expect({ status, result }).toMatchObject({
    status: 'SUCCEEDED',
    result: {
      'users-full-name': 'skipped',
      'engine-config-condition-groups': 'skipped',
      'employee-event-payloads': 'skipped',
      'audience-updated-at': 'skipped',
      'ci-builds-stage-id': 'skipped',
    },
  });
  expect(await rebuilds()).toHaveLength(before);
});

test('rows that an old release still writes are picked up by the next run', async () => {
  const before = (await rebuilds()).length;
  await chain.database.query(`
    INSERT INTO demo.users (first_name, last_name, email, created_at) VALUES ('Anita', 'Borg', 'borg@example.com', now())`);
  await chain.database.query(`
    INSERT INTO demo.engine_configs
    VALUES ('cfg_000000', gen_random_uuid(), 'Rule', '[{"subject": "a", "operation": "is", "value": "b"}]')`);
  await chain.database.query(`
    INSERT INTO demo.employee_events (employee_id, type, payload, occurred_at)
    SELECT employee_id, 'renamed', '{"name": "Somebody Else"}', now() FROM demo.employee_events WHERE position = 1`);
  const { result } = await chain.run();
  expect(result).toMatchObject({
    'users-full-name': expect.objectContaining({ total_updated: 1, errors: 0 }),
    'engine-config-condition-groups': expect.objectContaining({ total_updated: 1, errors: 0 }),
    'employee-event-payloads': expect.objectContaining({ total_updated: 1, errors: 0 }),
    next_jobs: ['rebuild-employee-projections'],
  });
  const since = (await rebuilds()).slice(before);
  expect(result.next_executions).toEqual(since.map(({ executionArn }) => executionArn));
  expect(since).toMatchObject([{ status: 'SUCCEEDED', result: { events: 20_001 } }]);
  const [found] = await chain.database.query(`
    SELECT full_name, conditions, p.name, p.events FROM demo.users, demo.engine_configs c, demo.employee_projection p
    WHERE last_name = 'Borg' AND c.id = 'cfg_000000' AND p.name = 'Somebody Else'`);
  expect(found).toEqual({
    full_name: 'Anita Borg',
    conditions: [{ conditions: [{ subject: 'a', operation: 'is', value: 'b' }] }],
    name: 'Somebody Else',
    events: 11,
  });
});

test('builds without a stage are migrated by a retry, once somebody has added it', async () => {
  await chain.database.query(`INSERT INTO demo.ci_stages (pipeline_id, name) VALUES (1, 'canary')`);
  const { status, result } = await chain.run({ retry: 'ci-builds-stage-id', mode: 'foreground' });
  expect({ status, result }).toEqual({
    status: 'SUCCEEDED',
    result: { 'ci-builds-stage-id': counted(50_000, 50_000) },
  });
  const left = await chain.database.query('SELECT FROM demo.ci_builds WHERE stage_id IS NULL');
  expect(left).toEqual([]);
});

const parsed = ({ payload }: Event): Record<string, string> => JSON.parse(payload.toString('utf8'));

/** What a person would write down reading the events of each employee from first to last. */
function projected(events: readonly Event[]): Map<string, object> {
  const rows = new Map<string, Record<string, unknown>>();
  for (const event of events) {
    const row = rows.get(event.employee_id) ?? { employee_id: event.employee_id, left_on: null, events: 0 };
    const { name, title, office, on } = parsed(event);
    if (name !== undefined) {
      row.name = name;
    }
    if (title !== undefined) {
      row.title = title;
    }
    if (office !== undefined) {
      row.office = office;
    }
    if (event.type === 'hired') {
      Object.assign(row, { status: 'employed', hired_on: on });
    }
    if (event.type === 'left') {
      Object.assign(row, { status: 'left', left_on: on });
    }
    row.events = Number(row.events) + 1;
    row.last_position = Number(event.position);
    rows.set(event.employee_id, row);
  }
  return rows;
}
