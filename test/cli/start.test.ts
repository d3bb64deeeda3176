import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareDemo } from '../../local/demo/demo.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { command } from './command.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase({ name: 'cli' });
});
afterAll(() => database.drop());

const start = (...args: string[]) => command(['start', ...args], database.url);
const counted = (processed: number, updated: number) => ({
  total_processed: processed,
  total_updated: updated,
  errors: 0,
  duration_seconds: expect.any(Number),
});
const skipped = {
  'users-full-name': 'skipped',
  'engine-config-condition-groups': 'skipped',
  'employee-event-payloads': 'skipped',
};

describe('npm start', () => {
  test('prints the run’s output as JSON and nothing else, and talks on stderr', async () => {
    const { code, stdout, stderr } = await start('--fresh').exited;
    expect(code, stderr).toBe(0);
    const output = JSON.parse(stdout);
    expect(stdout).toBe(`${JSON.stringify(output, null, 2)}\n`);
    expect(output).toEqual({
      'users-full-name': counted(10_000, 9_500),
      'engine-config-condition-groups': counted(3_000, 2_250),
      'employee-event-payloads': counted(20_000, 20_000),
      next_jobs: ['rebuild-employee-projections'],
    });
    expect(stderr).toContain('users-full-name: done, 10000 rows\n');
    expect(stderr).toContain('rebuild-employee-projections: done, 20000 rows\n');
    expect(stderr).not.toContain('\r'); // no bars where there is no terminal
    expect(await database.query('SELECT count(*)::int AS rows FROM demo.employee_projection')).toEqual([
      { rows: 2_000 },
    ]);
  });

  test('a second time finds everything done', async () => {
    const { code, stdout, stderr } = await start().exited;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual(skipped);
  });

  test('of a run that fails exits with 1, prints no result, and says why on stderr', async () => {
    await database.query('ALTER TABLE demo.users RENAME full_name TO whole_name');
    const { code, stdout, stderr } = await start().exited;
    await database.query('ALTER TABLE demo.users RENAME whole_name TO full_name');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /:execution:run-migrations:\S+ ended FAILED\nMigrationFailed\nmigration "users-full-name"/,
    );
    expect(stderr).toContain('full_name');
  });

  test('that is interrupted, then killed in the middle, goes on from there the next time', async () => {
    await prepareDemo({ connectionString: database.url }, true);
    const owner = await database.pool.connect();
    let before: { readonly total_processed: number } | undefined;
    try {
      await owner.query('BEGIN');
      await owner.query('SELECT FROM demo.employee_events WHERE position = 15000 FOR UPDATE');

      const interrupted = start();
      await eventsBegun();
      interrupted.process.kill('SIGINT');
      const stopped = await interrupted.exited;
      expect(stopped, stopped.stderr).toMatchObject({ code: 130, stdout: '' });
      expect(await connections()).toBe(0);

      const killed = start();
      await killed.said(/employee-event-payloads: \d+ %/);
      killed.process.kill('SIGKILL');
      expect(await killed.exited).toMatchObject({ code: null, stdout: '' });
      [before] = await progress();
    } finally {
      await owner.query('ROLLBACK');
      owner.release();
    }

    const { code, stdout, stderr } = await start().exited;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      ...skipped,
      'employee-event-payloads': counted(20_000, 20_000),
      next_jobs: ['rebuild-employee-projections'],
    });
    expect(before?.total_processed).toBeGreaterThan(0);
    expect(before?.total_processed).toBeLessThan(15_000);
    expect(
      await database.query('SELECT events, count(*)::int AS rows FROM demo.employee_projection GROUP BY 1'),
    ).toEqual([{ events: 10, rows: 2_000 }]);
  });

  const progress = () =>
    database.query<{ total_processed: number }>(`
      SELECT total_processed::int FROM data_migrations.migrations
      WHERE name = 'employee-event-payloads' AND total_processed > 0`);

  async function eventsBegun(): Promise<void> {
    for (;;) {
      const begun = await progress().catch(() => []); // the ledger may not be there yet
      if (begun.length > 0) return;
      await sleep(20);
    }
  }

  /** Of the local runtime, to the database. */
  async function connections(): Promise<number> {
    const [row] = await database.query<{ connections: number }>(`
      SELECT count(*)::int AS connections FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'serverless-data-migrations%'`);
    return row?.connections ?? 0;
  }
});

describe('DATABASE_URL', () => {
  test.each(['demo', 'data_migrations'])(
    'of a database with a schema %s of somebody else’s is refused and left alone',
    async (schema) => {
      const foreign = await freshDatabase({ name: 'foreign' });
      try {
        await foreign.query(`CREATE SCHEMA ${schema}`);
        await foreign.query(`CREATE TABLE ${schema}.precious AS SELECT 1 AS id`);
        const { code, stdout, stderr } = await command(['start', '--fresh'], foreign.url).exited;
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toContain(
          `the database of DATABASE_URL has a schema ${schema} that the demo did not make`,
        );
        expect(stderr).toContain('Name an empty database');
        expect(await foreign.query(`SELECT id FROM ${schema}.precious`)).toEqual([{ id: 1 }]);
        expect(
          await foreign.query(`
          SELECT nspname FROM pg_namespace WHERE nspname IN ('demo', 'data_migrations')`),
        ).toEqual([{ nspname: schema }]);
      } finally {
        await foreign.drop();
      }
    },
  );

  test('of a database that is not there says so, and that is all', async () => {
    const { code, stdout, stderr } = await command(['start'], database.url.replace(database.name, 'nowhere'))
      .exited;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('database "nowhere" does not exist');
    expect(stderr).not.toContain('    at '); // no stack trace
  });
});

test.each([
  [['start', '--frehs'], "unknown option '--frehs'"],
  [['strat'], 'too many arguments'],
  [['local', '--sfn-port', '99999'], 'It must be a whole number from 1 to 65535.'],
])('%j is misuse: exit 2, with usage on stderr', async (args, complaint) => {
  const { code, stdout, stderr } = await command(args, database.url).exited;
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(complaint);
  expect(stderr).toContain('Usage: npm run');
});

test('npm run docs -- --check finds the generated documents up to date', async () => {
  expect(await command(['docs', '--check']).exited).toEqual({ code: 0, stdout: '', stderr: '' });
});
