import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sessionOf } from '../../cli/local/session.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { startTestRuntime } from '../support/runtime.ts';
import { type Consumer, type ConsumerProject, cdkProject, consumer, vitestProject } from './consumer.ts';

let shop: Consumer;
let database: TestDatabase;
let project: ConsumerProject;

beforeAll(async () => {
  shop = await consumer();
});
afterAll(() => shop.remove());
beforeEach(async () => {
  database = await freshDatabase({ name: 'new' });
  project = await shop.project(cdkProject);
  await project.migrations(['init']);
});
afterEach(() => database.drop());

const withDatabase = () => ({ env: { DATABASE_URL: database.url } });

/** A migration that somebody has filled in by leaving each example as it is. */
const filledIn = (file: string): string =>
  file.replaceAll(/fillIn\('[^']*', (.*)\)(?=,| })/g, '$1').replace(/fillIn, |, fillIn/, '');

describe('npx migrations new', () => {
  test.each([
    ['of CommonJS modules', cdkProject],
    ['of ES modules with vitest', vitestProject],
  ])(
    'writes migrations of each kind, their tests and the registry as TypeScript takes them, without a database, in a project %s',
    async (_, files) => {
      const other = await shop.project(files);
      await other.migrations(['init']);
      const { code, stdout, stderr } = await other.migrations(['new', 'users-full-name', '--table', 'users']);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout:
          'data-migrations/users-full-name.ts\ndata-migrations/users-full-name.test.ts\ndata-migrations/index.ts\n',
      });
      expect(stderr).toContain('No database was asked for key and columns');
      expect(stderr).toContain('npx migrations plan users-full-name --local');
      expect(stderr).toContain('npx migrations verify users-full-name --local');
      await other.migrations(['new', 'events-cbor', '--table', 'audience.events', '--rewrite']);
      await other.migrations(['new', 'all-updated-at', '--table', 'audience.app_1', '--alter-tables']);
      expect(await other.read('data-migrations/index.ts')).toBe(
        `import type { Migration } from 'serverless-data-migrations';
import { customersFullName } from './customers-full-name.js';
import { usersFullName } from './users-full-name.js';
import { eventsCbor } from './events-cbor.js';
import { allUpdatedAt } from './all-updated-at.js';

/** Every migration, in the order in which they run. New ones are added at the end. */
export const migrations: readonly Migration[] = [
  customersFullName,
  usersFullName,
  eventsCbor,
  allUpdatedAt,
];
`,
      );
      expect(await other.read('data-migrations/all-updated-at.ts')).toContain("schema: 'audience',");
      expect(await other.typeErrors()).toBe('');
    },
  );

  test('writes a test that tells of rows that failed before it asks for rows that changed', async () => {
    await project.migrations(['new', 'users-full-name', '--table', 'users']);
    expect(await project.read('data-migrations/users-full-name.test.ts')).toMatch(
      /deepEqual\(\{ errors, final_state \}.*\n {2}ok\(rows_updated > 0/,
    );
  });

  test('leaves nothing that could be deployed unfinished: tests and commands say which migration is not filled in', async () => {
    await project.migrations(['new', 'users-full-name', '--table', 'users']);
    const said = 'migration "users-full-name" is not filled in yet';
    const tested = await project.test('data-migrations/customers-full-name.test.ts');
    expect(tested.code).toBe(1);
    expect(tested.stdout).toContain(said);
    const listed = await project.migrations(['list']);
    expect(listed.code).toBe(1);
    expect(listed.stderr).toContain(said);
    // And the next one can be written all the same.
    expect((await project.migrations(['new', 'another', '--table', 'users'])).code).toBe(0);
  });

  test('writes the primary key of the table, all of it, and its columns with their types', async () => {
    await database.query('CREATE SCHEMA audience');
    await database.query(`CREATE TABLE audience.members (
      email text NOT NULL UNIQUE, joined date NOT NULL, number int, tenant uuid, score numeric(6, 2), extra jsonb, "order" boolean,
      picture bytea, PRIMARY KEY (tenant, number))`);
    await project.migrations(['new', 'members-a', '--table', 'audience.members'], withDatabase());
    const backfill = await project.read('data-migrations/members-a.ts');
    expect(backfill).toContain("key: ['tenant', 'number'],\n");
    expect(backfill).toContain('\n  //   score    numeric(6,2)\n');
    expect(backfill).toContain('sql`score IS NULL`');
    await project.migrations(
      ['new', 'members-b', '--table', 'audience.members', '--rewrite'],
      withDatabase(),
    );
    const rewrite = await project.read('data-migrations/members-b.ts');
    expect(rewrite).toContain(`interface Row {
  readonly number: number; // integer NOT NULL
  readonly tenant: string; // uuid NOT NULL
  readonly email: string; // text NOT NULL
  readonly joined: string; // date NOT NULL
  readonly score: string | null; // numeric(6,2)
  readonly extra: unknown; // jsonb
  readonly order: boolean | null; // boolean
  readonly picture: Uint8Array | null; // bytea
}`);
    expect(await project.typeErrors()).toBe('');
  });

  test('takes a unique index without NULLs where there is no primary key, and leaves the key open where there is neither', async () => {
    await database.query(
      'CREATE TABLE visits (at text UNIQUE, a int NOT NULL, b int NOT NULL, UNIQUE (a, b))',
    );
    await database.query('CREATE UNIQUE INDEX ON visits (b) WHERE a > 0');
    await database.query('CREATE TABLE notes (text text)');
    await project.migrations(['new', 'visits', '--table', 'visits'], withDatabase());
    expect(await project.read('data-migrations/visits.ts')).toContain("key: ['a', 'b'],");
    const { code, stderr } = await project.migrations(['new', 'notes', '--table', 'notes'], withDatabase());
    expect(code).toBe(0);
    expect(stderr).toContain('notes has no unique index without NULLs');
    expect(await project.read('data-migrations/notes.ts')).toContain("key: fillIn('notes', 'id'),");
  });

  test('writes names that would break out of TypeScript or SQL as what they are: the migration changes those rows', async () => {
    const hostile = `*/ \`\${process.exit(9)}\` \\ '"\n // \u2028 ;`;
    const name = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await database.query(`CREATE TYPE ${name(hostile)} AS ENUM ('a')`);
    await database.query(`CREATE TABLE "Odd-Table" (
      "Tenant-Id" int, ${name(hostile)} text, __proto__ text, "user" ${name(hostile)}, "a:b" text, PRIMARY KEY (${name(hostile)}, "Tenant-Id"))`);
    await database.query(`INSERT INTO "Odd-Table" VALUES (1, 'x')`);
    await project.migrations(['new', 'odd-a', '--table', 'Odd-Table'], withDatabase());
    await database.query('ALTER TABLE "Odd-Table" DROP COLUMN __proto__'); // which a rewrite refuses
    await project.migrations(['new', 'odd-b', '--table', 'Odd-Table', '--rewrite'], withDatabase());
    await database.query(`ALTER TABLE "Odd-Table" ADD COLUMN __proto__ text`);
    expect(await project.typeErrors()).toBe('');

    for (const file of ['data-migrations/odd-a.ts', 'data-migrations/odd-b.ts']) {
      await project.write(file, filledIn(await project.read(file)));
    }
    await project.write(
      'data-migrations/index.ts',
      "import { oddA } from './odd-a.js';\nimport { oddB } from './odd-b.js';\nexport const migrations = [oddA, oddB];\n",
    );
    const { code, stdout, stderr } = await project.migrations(['local', '--run'], withDatabase());
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    expect(JSON.parse(stdout)).toMatchObject({ 'odd-a': { total_updated: 1, errors: 0 } });
    expect(await database.query('SELECT __proto__ AS value FROM "Odd-Table"')).toEqual([
      { value: 'the new value' },
    ]);
  });

  test('asks the database of a running local session, and goes on without one that has gone', async () => {
    const runtime = await startTestRuntime();
    const folder = await mkdtemp(join(tmpdir(), 'session-'));
    const LOCAL_SESSION = join(folder, 'session.json');
    try {
      await writeFile(LOCAL_SESSION, JSON.stringify(sessionOf(runtime)));
      await runtime.database.query('CREATE TABLE parcels (barcode text PRIMARY KEY)');
      const { stderr } = await project.migrations(['new', 'parcels', '--table', 'parcels'], {
        env: { LOCAL_SESSION },
      });
      expect(stderr).toContain(
        'Key and columns are those of parcels in the database of npx migrations local',
      );
      expect(await project.read('data-migrations/parcels.ts')).toContain("key: 'barcode',");
    } finally {
      await runtime.close();
    }
    const gone = await project.migrations(['new', 'later', '--table', 'parcels'], { env: { LOCAL_SESSION } });
    await rm(folder, { recursive: true });
    expect(gone.code).toBe(0);
    expect(gone.stderr).toContain('the database of npx migrations local does not answer: ');
  });

  test('goes on without a database that cannot be reached, or has no such table', async () => {
    const nobody = { env: { DATABASE_URL: 'postgresql://app@127.0.0.1:1/app' } };
    const unreachable = await project.migrations(['new', 'users-a', '--table', 'users'], nobody);
    expect(unreachable.code).toBe(0);
    expect(unreachable.stderr).toContain('the database of DATABASE_URL does not answer: ');
    const unknown = await project.migrations(['new', 'users-b', '--table', 'users'], withDatabase());
    expect(unknown.code).toBe(0);
    expect(unknown.stderr).toContain('the database of DATABASE_URL has no table users');
  });

  test('refuses what nobody can mean, and writes nothing', async () => {
    await project.migrations(['new', 'present', '--table', 'users']);
    const before = await project.files();
    const refused = async (...args: string[]) => {
      const { code, stdout, stderr } = await project.migrations(['new', ...args]);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      return stderr;
    };
    expect(await refused('users')).toContain('--table is missing');
    expect(await refused('Users', '--table', 'users')).toContain('lower case letters, digits and hyphens');
    expect(await refused('../users', '--table', 'users')).toContain('lower case letters, digits and hyphens');
    expect(await refused('a'.repeat(61), '--table', 'users')).toContain('at most 60');
    expect(await refused('users', '--table', '"users"')).toContain('not in quotes');
    expect(await refused('users', '--table', 'users', '--rewrite', '--alter-tables')).toContain('one kind');
    expect(await refused('present', '--table', 'users')).toContain('data-migrations/present.ts and');
    expect(await refused('index', '--table', 'users')).toContain('is there already');
    expect(await refused('present-', '--table', 'users')).toContain('has a present already');
    expect(await refused('--table', 'users')).toContain("missing required argument 'migration'");
    expect(await project.files()).toEqual(before);

    const other = await shop.project({ 'package.json': '{}' });
    const { code, stderr } = await other.migrations(['new', 'users', '--table', 'users']);
    expect(code).toBe(2);
    expect(stderr).toContain('npx migrations init writes it');
  });

  test('leaves a registry alone that it does not understand, and says what to add', async () => {
    const registry = "import { all } from './all.js';\nexport const migrations = all();\n";
    await project.write('data-migrations/index.ts', registry);
    const { code, stdout, stderr } = await project.migrations(['new', 'users-full-name', '--table', 'users']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: 'data-migrations/users-full-name.ts\ndata-migrations/users-full-name.test.ts\n',
    });
    expect(stderr).toContain("  import { usersFullName } from './users-full-name.js';\n");
    expect(await project.read('data-migrations/index.ts')).toBe(registry);
  });
});
