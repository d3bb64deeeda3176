import pg from 'pg';
import type { Connection } from './connection.ts';

/**
 * Makes what is missing of a database that belongs to a role of its name, and returns that role's connection. The role is no
 * superuser: like the master user of Aurora it may do anything in its database and watch the server, but neither run programs
 * nor touch files on this machine.
 *
 * @param superuser The superuser's connection to another database of the server.
 */
export async function ownedDatabase(superuser: Connection, name: string): Promise<Connection> {
  const role = pg.escapeIdentifier(name);
  await connected(superuser, async (client) => {
    const { rowCount: roles } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
    if (roles === 0) {
      await client.query(`CREATE ROLE ${role} LOGIN`);
    }
    await client.query(`GRANT pg_monitor TO ${role}`); // as on Aurora: load is seen in other roles' sessions, too
    const { rowCount: databases } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    await client.query(
      databases === 0 ? `CREATE DATABASE ${role} OWNER ${role}` : `ALTER DATABASE ${role} OWNER TO ${role}`,
    );
  });
  await connected({ ...superuser, database: name }, (client) => handOver(client, name));
  return { ...superuser, user: name, database: name };
}

/** Gives the role what an earlier release made as the superuser. */
async function handOver(client: pg.Client, role: string): Promise<void> {
  const { rows } = await client.query<{ owned: string }>(superusersObjects);
  for (const { owned } of rows) {
    await client.query(`ALTER ${owned} OWNER TO ${pg.escapeIdentifier(role)}`);
  }
}

/** What somebody has made as the superuser, as ALTER names it. Objects of the system have ids below 16384. */
const superusersObjects = `
  SELECT 'SCHEMA ' || oid::regnamespace AS owned FROM pg_namespace
  WHERE oid >= 16384 AND nspowner = current_user::regrole AND nspname NOT LIKE 'pg\\_%'
  UNION ALL
  SELECT 'TABLE ' || oid::regclass FROM pg_class c
  WHERE oid >= 16384 AND relowner = current_user::regrole
    AND (relkind IN ('r', 'p', 'v', 'm', 'f')
      OR relkind = 'S' AND NOT EXISTS ( -- a column's sequence follows its table
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
  UNION ALL
  SELECT 'ROUTINE ' || oid::regprocedure FROM pg_proc
  WHERE oid >= 16384 AND proowner = current_user::regrole
  UNION ALL
  SELECT 'TYPE ' || oid::regtype FROM pg_type
  WHERE oid >= 16384 AND typowner = current_user::regrole AND typtype IN ('d', 'e', 'r')`;

async function connected(connection: Connection, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
