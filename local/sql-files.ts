import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type pg from 'pg';
import type { DatabaseToPrepare } from './application.ts';

/**
 * A `prepare` that makes the embedded database of SQL files, once: tables, then data. `--fresh` makes all of it anew. In a transaction,
 * so that a file with an error leaves nothing. The database of DATABASE_URL is taken as it is.
 *
 * @param files Paths from the folder of `migrations.config.ts`, in order. What `pg_dump --schema-only --no-owner` writes can be read; commands of
 * psql, which begin with a backslash, cannot.
 * @throws when a file cannot be read or run, naming file and line, and for `--fresh` of a database that is not the embedded one.
 */
export function fromSqlFiles(...files: readonly string[]): (database: DatabaseToPrepare) => Promise<void> {
  return async ({ url, fresh, isEmbedded }) => {
    if (!isEmbedded) {
      if (fresh) {
        throw new Error(
          '--fresh would empty the database of DATABASE_URL, which is yours: empty it yourself',
        );
      }
      return;
    }
    // Only now: who deploys, or looks at what is deployed, loads the config, too, and has no use for a PostgreSQL client.
    const { Client } = (await import('pg')).default;
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query('BEGIN');
      if (fresh) {
        await dropSchemas(client);
      }
      if (await isEmpty(client)) {
        for (const file of files) {
          await run(client, file);
        }
      }
      await client.query('COMMIT');
    } finally {
      await client.end();
    }
  };
}

async function dropSchemas(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace
     WHERE nspowner = current_user::regrole OR nspname = 'public' ORDER BY nspname = 'public'`,
  );
  for (const { name } of rows) {
    await client.query(`DROP SCHEMA ${client.escapeIdentifier(name)} CASCADE`);
  }
  await client.query('CREATE SCHEMA public');
}

async function isEmpty(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ empty: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relnamespace::regnamespace::text NOT LIKE 'pg\\_%') AS empty`,
  );
  return rows[0]?.empty ?? false;
}

/** What pg_dump writes around its SQL since 17.6, and means nothing to a server. */
const restricts = /^\\(un)?restrict .*$/gm;

async function run(client: pg.Client, file: string): Promise<void> {
  const text = (await readFile(resolve(file), 'utf8')).replace(restricts, '');
  const command = /^\\.*$/m.exec(text);
  if (command) {
    throw new Error(
      `${file}, line ${lineOf(text, command.index)}: ${command[0]} is for psql, not for a server`,
    );
  }
  try {
    await client.query(text);
  } catch (error) {
    const { message, position } = error as pg.DatabaseError;
    const line = position === undefined ? '' : `, line ${lineOf(text, Number(position) - 1)}`;
    throw new Error(`${file}${line}: ${message}`, { cause: error });
  }
  // A dump empties the search path for itself.
  await client.query('RESET ALL');
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;
