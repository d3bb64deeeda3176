import pg from 'pg';
import { statementTimeoutSeconds } from '../quotas.ts';

/** Of the 100 connections that a PostgreSQL has by default: leaves room for a second endpoint and for psql. */
const maxConnections = 40;

/** Connections whose role or database has a limit of its own for statements, with it. */
const ownLimits = new WeakMap<pg.ClientBase, string>();

/** Learns at a connection's start whether its role or its database has a limit of its own, which ours has overruled. */
async function keepOwnLimit(client: pg.ClientBase): Promise<void> {
  // As PostgreSQL ranks them: what is said of both the role and the database comes first, of everybody last.
  const { rows } = await client.query<{ readonly own: string }>(`
    SELECT split_part(setting, '=', 2) AS own
    FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
    WHERE setting LIKE 'statement\\_timeout=%'
      AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
      AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1`);
  const own = rows[0]?.own ?? '0';
  if (own !== '0') {
    ownLimits.set(client, own);
    await limitStatements(client);
  }
}

/** Sets the limit that the connection's role or database has; where there is none, the connection itself has ours. */
async function limitStatements(client: pg.ClientBase): Promise<void> {
  const own = ownLimits.get(client);
  if (own !== undefined) {
    await client.query(`SET statement_timeout = ${pg.escapeLiteral(own)}`);
  }
}

/** Makes a connection as it was at its start: no settings, temporary tables, prepared statements, advisory locks are left. */
export async function renew(client: pg.ClientBase): Promise<void> {
  await client.query('DISCARD ALL');
  await limitStatements(client);
}

/** Takes our limit away, for a statement that may go on; a limit that the role or the database has stays. */
export async function unlimit(client: pg.ClientBase): Promise<void> {
  if (!ownLimits.has(client)) {
    await client.query('SET statement_timeout = 0');
  }
}

/**
 * The connections to one database.
 *
 * @param limitSeconds How long a statement may take.
 */
export function openPool(connection: pg.ClientConfig, limitSeconds: number): pg.Pool {
  const pool = new pg.Pool({
    ...connection,
    max: maxConnections,
    connectionTimeoutMillis: statementTimeoutSeconds * 1000, // a caller waits no longer than for a statement
    idleTimeoutMillis: 60_000, // calls come in bursts: a minute keeps the connections from one to the next
    application_name: 'rds-data',
    onConnect: keepOwnLimit,
    // As part of the connection, so that DISCARD ALL comes back to it. Results are read in these forms: dates as ISO 8601 in UTC,
    // bytea as hex, floats with all their digits. `SHOW statement_timeout` says the service's limit.
    options: `${connection.options ?? ''} -c statement_timeout=${Math.round(limitSeconds * 1000)} -c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c extra_float_digits=1`,
  });
  // A backend that is killed reports it on its connection. A call that waits for an answer sees the error; here it is
  // dropped, because an 'error' event that nobody listens to would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
