import pg from 'pg';
import { statementTimeoutSeconds } from '../quotas.ts';

/** Of the 100 connections that a PostgreSQL has by default: leaves room for a second endpoint and for psql. */
const maxConnections = 40;

/**
 * Limits the statements of a session as the service does, so that `SHOW statement_timeout` says it. A limit that the role or
 * the database has is kept.
 */
export async function limitStatements(client: pg.ClientBase, seconds: number): Promise<void> {
  await client.query(
    `SELECT set_config('statement_timeout', $1, false) WHERE current_setting('statement_timeout') = '0'`,
    [`${Math.round(seconds * 1000)}ms`],
  );
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
    onConnect: (client) => limitStatements(client, limitSeconds),
    // Results are read in these forms: dates as ISO 8601 in UTC, bytea as hex, floats with all their digits.
    options: `${connection.options ?? ''} -c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c extra_float_digits=1`,
  });
  // A backend that is killed reports it on its connection. A call that waits for an answer sees the error; here it is
  // dropped, because an 'error' event that nobody listens to would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
