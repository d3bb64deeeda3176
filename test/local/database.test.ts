import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareDemo } from '../../demo/database/prepare.ts';
import { type LocalDatabase, onSearchPath, startDatabase } from '../../local/database.ts';
import { startPostgres } from '../../local/postgres.ts';
import { startRdsData } from '../../local/rds-data/endpoint.ts';
import { credentials } from '../support/credentials.ts';
import { clientOf, resourceArn, secretArn } from './rds-data/service.ts';

let folder: string;
let database: LocalDatabase | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'owned-'));
});
afterEach(async () => {
  await database?.stop();
  const socket = database?.connection.host ?? '';
  for (const made of [folder, socket, join('/var/tmp', basename(socket))]) {
    await rm(made, { recursive: true, force: true });
  }
});

/** Runs statements through the Data API on the database; each gives its records, or its error's message. */
async function throughDataApi(
  connection: pg.ClientConfig,
  statements: readonly string[],
): Promise<unknown[]> {
  const endpoint = await startRdsData({ database: connection, accessKeyId: credentials.accessKeyId });
  const client = clientOf(endpoint.url);
  const answers: unknown[] = [];
  for (const sql of statements) {
    const call = new ExecuteStatementCommand({ resourceArn, secretArn, sql });
    answers.push(
      await client.send(call).then(
        ({ records }) => records,
        (error: Error) => error.message,
      ),
    );
  }
  client.destroy();
  await endpoint.close();
  return answers;
}

const changes = [
  'ALTER TABLE users ADD COLUMN note text',
  "UPDATE users SET note = 'x' WHERE id = 1",
  'CREATE INDEX ON users (note)',
  'CREATE SCHEMA data_migrations',
  'CREATE TABLE data_migrations.runs (id int)',
];

test('the embedded database belongs to a role that reaches nothing outside of it', async () => {
  database = await startDatabase(undefined, folder);
  await prepareDemo(database.connection, false);
  const denied = expect.stringContaining('SQLState: 42501');
  expect(
    await throughDataApi(onSearchPath(database.connection, ['demo']), [
      'SELECT rolsuper FROM pg_roles WHERE rolname = current_user',
      "COPY (SELECT 1) TO PROGRAM 'cat'",
      "COPY users (first_name) FROM PROGRAM 'id'",
      "COPY (SELECT 1) TO '/tmp/never'",
      "SELECT pg_read_file('/etc/passwd')",
      "SELECT lo_import('/etc/passwd')",
      'SET ROLE postgres',
      'ALTER ROLE app SUPERUSER',
    ]),
  ).toEqual([[[{ booleanValue: false }]], ...Array.from({ length: 7 }, () => denied)]);
});

test('what an earlier release made as the superuser belongs to that role, too', async () => {
  const postgres = await startPostgres({ folder, fsync: false });
  await query(postgres.connection, 'CREATE DATABASE app');
  const before = { ...postgres.connection, database: 'app' };
  await prepareDemo(before, false);
  await query(
    onSearchPath(before, ['demo']),
    `CREATE TYPE colour AS ENUM ('red'); CREATE DOMAIN short AS text;
     CREATE SEQUENCE numbers; CREATE VIEW names AS SELECT first_name FROM users;
     CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  );
  await postgres.stop();

  database = await startDatabase(undefined, folder);
  const connection = onSearchPath(database.connection, ['demo']);
  expect(
    await throughDataApi(connection, [
      ...changes,
      "ALTER TYPE colour ADD VALUE 'blue'",
      'DROP DOMAIN short',
      'DROP SEQUENCE numbers',
      'DROP VIEW names',
      'DROP FUNCTION one()',
    ]),
  ).toEqual(Array.from({ length: 10 }, () => undefined));
  await prepareDemo(database.connection, true); // as --fresh does
});

async function query(connection: pg.ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(sql);
  await client.end();
}
