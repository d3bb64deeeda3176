import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Oddities } from '../../local/rds-data/oddities.ts';
import { prepareDemo } from '../support/demo.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

let chain: TestRuntime;
/** What the demo becomes where nothing is odd. */
let usual: Awaited<ReturnType<typeof outcome>>;

/** The tables of rows that the demo migrates, with the rows that are enough for some pages of each. */
const tables = {
  users: 'id <= 400',
  engine_configs: 'true',
  employee_events: 'position <= 600',
  ci_builds: 'id <= 1500',
};
const names = Object.keys(tables);

beforeAll(async () => {
  chain = await startTestRuntime({ secondMs: 10 });
  const { query, name, url } = chain.database;
  await prepareDemo({ connectionString: url }, true);
  await query(`ALTER DATABASE ${name} SET search_path = demo, public`);
  await query('CREATE SCHEMA kept');
  for (const [table, condition] of Object.entries(tables)) {
    await query(`CREATE TABLE kept.${table} AS SELECT * FROM demo.${table} WHERE ${condition} LIMIT 300`);
  }
  await outcome({}); // the tables that it alters stay altered
  usual = await outcome({});
});
afterAll(() => chain.close());

/** Runs the demo from its beginning, and returns all that it makes. */
async function outcome(oddities: Oddities) {
  const { query } = chain.database;
  chain.rdsData.deviate({});
  await chain.reset();
  await query('ALTER TABLE demo.engine_configs DROP COLUMN IF EXISTS conditions_migrated');
  await query(`TRUNCATE ${names.map((table) => `demo.${table}`).join(', ')}`);
  for (const table of names) {
    await query(`INSERT INTO demo.${table} OVERRIDING SYSTEM VALUE SELECT * FROM kept.${table}`);
  }
  const earlier = (await chain.executions(chain.rebuildMachineArn)).length;
  chain.rdsData.deviate(oddities);
  const run = await chain.run({ mode: 'foreground' });
  const rebuilds = (await chain.executions(chain.rebuildMachineArn)).slice(earlier);
  const rebuilt = await Promise.all(rebuilds.map((arn) => chain.ended(arn)));
  chain.rdsData.deviate({});
  const sums: Record<string, unknown> = {};
  for (const table of [...names, 'employee_projection']) {
    const [row] = await query(
      `SELECT count(*)::int AS rows, md5(string_agg(t::text, '|' ORDER BY t::text)) AS sum FROM demo.${table} t`,
    );
    sums[table] = row;
  }
  // The executions of jobs have other names each time.
  const { next_executions: _, ...result } = run.result ?? {};
  return {
    status: run.status,
    cause: run.cause,
    counted: Object.values(result).map((each) =>
      typeof each === 'object' && 'total_updated' in each && 'total_processed' in each
        ? [each.total_processed, each.total_updated, each.errors]
        : each,
    ),
    rebuilt: rebuilt.map(({ status, cause }) => `${status} ${cause ?? ''}`),
    sums,
  };
}

const reported: Readonly<Record<string, Oddities>> = {
  'errors without a SQLSTATE': { nameless: { every: 40 } },
  'an error for an index that was built all the same': { concurrently: true },
  'strings as varchar, and whole numbers as int4': { narrow: true },
  'slow answers': { slow: { ms: 15 } },
  throttling: { throttling: { every: 15 } },
  'a database that is resuming again and again': { resuming: { every: 250, seconds: 0.02 } },
  'several at once': {
    nameless: { every: 80 },
    concurrently: true,
    narrow: true,
    slow: { ms: 5 },
    throttling: { every: 43 },
  },
};

it('The demo does its work where nothing is odd', () => {
  expect(usual).toMatchObject({ status: 'SUCCEEDED', rebuilt: ['SUCCEEDED '] });
});

it.each(Object.entries(reported))(
  'The demo comes to the same with %s',
  async (_, oddities) => {
    expect(await outcome(oddities)).toEqual(usual);
  },
  120_000,
);
