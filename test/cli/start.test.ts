import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { prepareDemo } from '../support/demo.ts';
import { type Command, command } from './command.ts';

let database: TestDatabase;
let started: Command[];
beforeEach(async () => {
  database = await freshDatabase({ name: 'cli' });
  started = [];
});
afterEach(async () => {
  for (const { process, exited } of started) {
    process.kill('SIGKILL');
    await exited;
  }
  await database.drop();
});
/** The demo's data as on the first day, without a ledger. */
const fresh = () => prepareDemo({ connectionString: database.url }, true);

function start(...args: string[]): Command {
  const made = command(['local', '--run', ...args], { env: { DATABASE_URL: database.url } });
  started.push(made);
  return made;
}
const skipped = {
  'users-full-name': 'skipped',
  'engine-config-condition-groups': 'skipped',
  'employee-event-payloads': 'skipped',
};

describe('npm start', () => {
  test('that is interrupted exits with 130, prints no result, and leaves nobody on the database', async () => {
    const interrupted = start('--fresh');
    await interrupted.said(/users-full-name: done/);
    interrupted.process.kill('SIGINT');
    const { code, stdout, stderr } = await interrupted.exited;
    expect({ code, stdout }, stderr).toEqual({ code: 130, stdout: '' });
    const left = await database.query(`
      SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'serverless-data-migrations%'`);
    expect(left).toEqual([]);
  });

  test('that is killed in the middle goes on from there the next time, and the time after that finds everything done', async () => {
    await fresh();
    const owner = await database.pool.connect();
    try {
      await owner.query('BEGIN');
      await owner.query('SELECT FROM demo.employee_events WHERE position = 19990 FOR UPDATE');
      const killed = start();
      await killed.said(/employee-event-payloads: \d+ %/);
      killed.process.kill('SIGKILL');
      expect(await killed.exited).toMatchObject({ code: null, stdout: '' });
    } finally {
      await owner.query('ROLLBACK');
      owner.release();
    }
    const [before] = await database.query(`
      SELECT status, total_processed < 20000 AS in_the_middle FROM data_migrations.migrations
      WHERE name = 'employee-event-payloads'`);
    expect(before).toEqual({ status: 'running', in_the_middle: true });

    const { code, stdout, stderr } = await start().exited;
    expect(code, stderr).toBe(0);
    const output = JSON.parse(stdout);
    expect(stdout).toBe(`${JSON.stringify(output, null, 2)}\n`); // and nothing else
    expect(output).toMatchObject({
      ...skipped,
      'engine-config-condition-groups': expect.anything(), // skipped too, if the interruption came late
      'employee-event-payloads': {
        total_processed: 20_000,
        total_updated: 20_000,
        errors: 0,
        duration_seconds: expect.any(Number),
      },
      next_jobs: ['rebuild-employee-projections'],
    });
    expect(stderr).toContain('{"mode":"foreground"}: rests and maintenance windows are skipped\n');
    expect(stderr).toContain('employee-event-payloads: done, 20000 rows\n');
    expect(stderr).toContain('rebuild-employee-projections: done, 20000 rows\n');
    expect(stderr).not.toContain('\r'); // no bars where there is no terminal
    expect(
      await database.query('SELECT events, count(*)::int AS rows FROM demo.employee_projection GROUP BY 1'),
    ).toEqual([{ events: 10, rows: 2_000 }]);

    const again = await start().exited;
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject(skipped);
  }, 180_000);

  test('of a run that fails exits with 1, prints no result, and says why on stderr', async () => {
    await fresh();
    await database.query('ALTER TABLE demo.users RENAME full_name TO whole_name');
    const { code, stdout, stderr } = await start().exited;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /:execution:run-migrations:\S+ ended FAILED\nMigrationFailed\nmigration "users-full-name"/,
    );
    expect(stderr).toContain('full_name');
  });
});

describe('DATABASE_URL', () => {
  test.each(['demo', 'data_migrations'])(
    'of a database with a schema %s of somebody else’s is refused and left alone',
    async (schema) => {
      const foreign = await freshDatabase({ name: 'foreign' });
      try {
        await foreign.query(`CREATE SCHEMA ${schema}`);
        await foreign.query(`CREATE TABLE ${schema}.precious AS SELECT 1 AS id`);
        const { code, stdout, stderr } = await command(['local', '--run', '--fresh'], {
          env: { DATABASE_URL: foreign.url },
        }).exited;
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
    const { code, stdout, stderr } = await command(['local', '--run'], {
      env: { DATABASE_URL: database.url.replace(database.name, 'nowhere') },
    }).exited;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('database "nowhere" does not exist');
    expect(stderr).not.toContain('    at '); // no stack trace
  });
});

test.each([
  [['local', '--frehs'], "unknown option '--frehs'"],
  [['local', '--sfn-port', '99999'], 'It must be a whole number from 1 to 65535.'],
])('%j is misuse: exit 2, and says how to learn what is right', async (args, complaint) => {
  const { code, stdout, stderr } = await command(args, { env: { DATABASE_URL: database.url } }).exited;
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(complaint);
  expect(stderr).toContain('--help says what it takes');
});
