import { boolean, type InferOutput, nullable, number, type object, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { regclass, type Sql, sql, textOf } from '../database/sql.ts';
import type { Table } from '../database/table.ts';
import { DatabaseError } from '../errors.ts';
import { durationText } from '../time/duration.ts';

/** From where on the database has enough to do without us, in seconds. */
export interface PressureLimits {
  /** In a busy application somebody always waits a moment for a row. A session that has waited this long is stuck. */
  readonly lockWait: number;
  /** A replica of Aurora is usually a tenth of a second behind, others a few. */
  readonly replicaLag: number;
  /** No request of an application takes as long: it is a report, a dump, or was forgotten. */
  readonly transaction: number;
}

export const pressureLimits: PressureLimits = { lockWait: 1, replicaLag: 10, transaction: 600 };

/** What a look at the database has found. */
export interface Pressure {
  /** Why the next batch had better wait, in words; undefined if nothing is in its way. */
  readonly reason?: string | undefined;
  /** Sessions that wait for a lock, whoever they are and whatever it is on; undefined if nobody knows. */
  readonly lockWaits?: number | undefined;
}

/**
 * Looks whether the next batch of this table had better wait. Asked between batches, when we hold no lock ourselves. A database user
 * without pg_monitor does not see what other sessions do; what cannot be seen counts as nothing in the way. So does a query that fails:
 * the batch will find out what is wrong.
 */
export async function pressure(
  database: Database,
  table: Table,
  limits: PressureLimits = pressureLimits,
): Promise<Pressure> {
  try {
    const [found] = await database.query(signals(table, limits), {
      ...signs,
      lock_waits: number(),
      has_readers: boolean(),
    });
    if (found === undefined) {
      return {};
    }
    const [reader] = found.has_readers ? await database.query(auroraReaders(limits), readerSigns) : [];
    const reasons = inWords(table, { ...found, ...reader });
    return {
      reason: reasons.length > 0 ? reasons.join(', and ') : undefined,
      lockWaits: found.lock_waits,
    };
  } catch (error) {
    if (error instanceof DatabaseError) {
      return {};
    }
    throw error;
  }
}

/** What is in the way; NULL where nothing is. */
const signs = {
  waiting_pid: nullable(number()),
  waiting_seconds: nullable(number()),
  vacuum: nullable(string()),
  transaction_pid: nullable(number()),
  transaction_seconds: nullable(number()),
  replica: nullable(string()),
  replica_seconds: nullable(number()),
};
const readerSigns = { replica: string(), replica_seconds: number() };
type Signs = InferOutput<ReturnType<typeof object<typeof signs>>>;

function inWords(table: Table, row: Signs): string[] {
  const name = textOf(table.name)
    .replaceAll('"', '')
    .replace(/^public\./, '');
  const { waiting_pid, vacuum, transaction_pid, replica } = row;
  const time = (seconds: number | null): string => durationText(seconds ?? 0);
  return [
    waiting_pid && `process ${waiting_pid} has waited ${time(row.waiting_seconds)} for a lock on ${name}`,
    vacuum && `${vacuum} is at work on ${name}`,
    transaction_pid &&
      `process ${transaction_pid} has had a transaction open for ${time(row.transaction_seconds)}, which holds back vacuum`,
    replica && `the replica ${replica} is ${time(row.replica_seconds)} behind`,
  ].filter((reason) => typeof reason === 'string');
}

/** One row, with NULL where there is nothing to tell. Views that are shared memory, and a few rows of the catalog. */
function signals(table: Table, limits: PressureLimits): Sql {
  return sql`
    WITH RECURSIVE part AS ( -- the table, and what it is partitioned into
      SELECT ${regclass(table.name)}::oid AS oid
      UNION ALL
      SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid
    ),
    lock AS MATERIALIZED ( -- read once, since it stops the lock manager for a moment
      SELECT l.* FROM pg_locks l
      WHERE l.pid <> pg_backend_pid() AND (NOT l.granted OR l.locktype = 'tuple')
    ),
    -- Who waits for a row holds a lock on the tuple, and waits for the transaction that has it. Before version 14 nobody
    -- knows since when, and the column is not there.
    waiting AS (
      SELECT pid, extract(epoch FROM clock_timestamp() - (to_jsonb(lock) ->> 'waitstart')::timestamptz)::float8 AS seconds
      FROM lock
      WHERE NOT granted AND pid IN (
        SELECT here.pid FROM lock here
        WHERE here.relation IN (SELECT oid FROM part)
          AND here.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ),
    longest_waiting AS (
      SELECT * FROM waiting WHERE seconds > ${limits.lockWait}::float8 ORDER BY seconds DESC LIMIT 1
    ),
    vacuum AS (
      SELECT CASE a.backend_type WHEN 'autovacuum worker' THEN 'autovacuum' ELSE 'VACUUM' END AS what
      FROM pg_stat_progress_vacuum v LEFT JOIN pg_stat_activity a ON a.pid = v.pid
      WHERE v.relid IN (SELECT oid FROM part) AND v.datname = current_database() LIMIT 1
    ),
    -- Without a snapshot and an id of its own, an open transaction is in nobody's way; nor is a VACUUM, however long.
    open_transaction AS (
      SELECT a.pid, extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds
      FROM pg_stat_activity a
      WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
        AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
        AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid)
    ),
    longest_open AS (
      SELECT * FROM open_transaction WHERE seconds > ${limits.transaction}::float8 ORDER BY seconds DESC LIMIT 1
    ),
    replica AS (
      SELECT application_name AS name, extract(epoch FROM replay_lag)::float8 AS seconds FROM pg_stat_replication
    ),
    furthest_behind AS (
      SELECT * FROM replica WHERE seconds > ${limits.replicaLag}::float8 ORDER BY seconds DESC LIMIT 1
    )
    SELECT longest_waiting.pid AS waiting_pid, longest_waiting.seconds AS waiting_seconds,
      vacuum.what AS vacuum,
      longest_open.pid AS transaction_pid, longest_open.seconds AS transaction_seconds,
      furthest_behind.name AS replica, furthest_behind.seconds AS replica_seconds,
      (SELECT count(DISTINCT pid) FROM lock WHERE NOT granted) AS lock_waits,
      to_regproc('aurora_replica_status') IS NOT NULL AS has_readers
    FROM (VALUES (1)) AS one
      LEFT JOIN longest_waiting ON true LEFT JOIN vacuum ON true LEFT JOIN longest_open ON true
      LEFT JOIN furthest_behind ON true`;
}

/** Aurora's own replicas; elsewhere the function is not there, and the statement would not be understood. */
function auroraReaders(limits: PressureLimits): Sql {
  // A reader that was taken away stays listed for a while, but reports nothing any more.
  return sql`
    SELECT server_id::text AS replica, (replica_lag_in_msec / 1000.0)::float8 AS replica_seconds
    FROM aurora_replica_status()
    WHERE session_id <> 'MASTER_SESSION_ID' AND last_update_timestamp > now() - interval '5 minutes'
      AND replica_lag_in_msec / 1000.0 > ${limits.replicaLag}::float8
    ORDER BY replica_lag_in_msec DESC LIMIT 1`;
}
