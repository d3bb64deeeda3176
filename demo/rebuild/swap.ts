import { number, string } from 'valibot';
import type { Database, Statements } from '../../functions/engine/database/data-api.ts';
import { identifier, regclass, type Sql, sql, tableName } from '../../functions/engine/database/sql.ts';
import { DatabaseError } from '../../functions/engine/errors.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import type { Projection } from '../projections/projection.ts';
import { freshName, freshTable } from './prepare.ts';
import { heldRebuild, type RebuildProgress } from './progress.ts';
import { replayPage } from './replay.ts';

/**
 * Up to where the log is complete. Positions come from a sequence, so an event with a lower one may be committed after one
 * with a higher; a lock that is granted only when no writer is under way puts all of these behind us.
 */
export async function horizonNow(database: Database, { log }: Projection): Promise<bigint> {
  return database.transaction(async (tx) => {
    await tx.execute(sql`SELECT set_config('lock_timeout', '2s', true)`);
    await tx.execute(sql`LOCK TABLE ${tableName(log.table)} IN SHARE MODE`);
    return lastPosition(tx, log);
  });
}

async function lastPosition(tx: Statements, log: Projection['log']): Promise<bigint> {
  const [row] = await tx.query(
    sql`SELECT COALESCE(max(${identifier(log.position)}), 0)::text AS last FROM ${tableName(log.table)}`,
    { last: string() },
  );
  return BigInt(row?.last ?? 0);
}

// Writers wait while the last events are replayed: so few take a few tenths of a second.
const tail = 500n;

/**
 * Replays what is left while nobody appends, and puts the fresh table in the old one's place, all in one transaction:
 * readers see the old projection until they see the whole new one. Returns undefined if too much was left for that;
 * nothing has happened then.
 */
export async function swap(
  database: Database,
  projection: Projection,
  before: RebuildProgress,
): Promise<RebuildProgress | undefined> {
  const { log, job } = projection;
  return database.transaction(async (tx) => {
    await tx.execute(sql`SELECT set_config('lock_timeout', '2s', true)`);
    await tx.execute(sql`LOCK TABLE ${tableName(log.table)} IN SHARE ROW EXCLUSIVE MODE`);
    let at: RebuildProgress = { ...before, horizon: await lastPosition(tx, log) };
    if (at.horizon - at.position > tail) {
      return undefined;
    }
    while (at.position < at.horizon) {
      const page = await replayPage(tx, projection, at, Number(tail));
      if (page === undefined) {
        throw claimLost(job);
      }
      at = page.at;
    }
    const [finished] = await tx.query(
      sql`
      WITH ${heldRebuild(at)}, settled AS (
        DELETE FROM ${ledger.followUps} f USING held, ${ledger.rebuilds} r
        WHERE f.job = held.job AND r.job = held.job AND f.owed_since <= r.started_at
      )
      UPDATE ${ledger.rebuilds} r
      SET claim = NULL, finished_at = now(), projections = (SELECT count(*) FROM ${freshTable(projection)})
      FROM held WHERE r.job = held.job
      RETURNING r.projections`,
      { projections: number() },
    );
    if (!finished) {
      throw claimLost(job);
    }
    for (const statement of await swapStatements(tx, projection.table)) {
      await tx.execute(statement);
    }
    return { ...at, job, finished: true, projections: finished.projections };
  });
}

/** Thrown, so that nothing of the transaction stays. */
const claimLost = (job: string) =>
  new DatabaseError(`${job}: another invocation goes on with it`, 'moment', null);

/** Drops the old table and gives the fresh one its name, and its indexes theirs. */
async function swapStatements(tx: Statements, table: string): Promise<Sql[]> {
  const parts = table.split('.');
  const fresh = freshName(table);
  const old = identifier(...parts);
  const name = identifier(parts.at(-1) as string);
  const pairs = await tx.query(
    sql`
    WITH indexes AS (
      SELECT i.indrelid, c.oid, c.relname::text AS name,
        regexp_replace(pg_get_indexdef(c.oid), '^CREATE (UNIQUE )?INDEX .* ON .* USING ', '\1') AS definition
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid IN (${regclass(identifier(...fresh))}, ${regclass(old)})
    ), numbered AS ( -- of indexes that are the same, either may have either name
      SELECT *, row_number() OVER (PARTITION BY indrelid, definition ORDER BY oid) AS nth FROM indexes
    )
    SELECT f.name AS fresh, o.name AS old
    FROM numbered f JOIN numbered o ON o.definition = f.definition AND o.nth = f.nth
    WHERE f.indrelid = ${regclass(identifier(...fresh))}
      AND o.indrelid = ${regclass(old)}`,
    { fresh: string(), old: string() },
  );
  const schema = parts.slice(0, -1);
  return [
    sql`DROP TABLE ${old}`,
    sql`ALTER TABLE ${identifier(...fresh)} RENAME TO ${name}`,
    ...pairs.map(
      (pair) => sql`ALTER INDEX ${identifier(...schema, pair.fresh)} RENAME TO ${identifier(pair.old)}`,
    ),
  ];
}
