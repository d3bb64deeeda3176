import { number, string } from 'valibot';
import type { Clock } from '../../functions/engine/clock.ts';
import type { Database, Statements } from '../../functions/engine/database/data-api.ts';
import { identifier, regclass, type Sql, sql, tableName } from '../../functions/engine/database/sql.ts';
import { limited } from '../../functions/engine/database/transaction-limits.ts';
import { DatabaseError, MigrationFailed } from '../../functions/engine/errors.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import type { Projection } from '../projections/projection.ts';
import { freshName, freshTable } from './prepare.ts';
import { heldRebuild, type RebuildProgress } from './progress.ts';
import { replayPage } from './replay.ts';

async function lastPosition(tx: Statements, log: Projection['log']): Promise<bigint> {
  const [row] = await tx.query(
    sql`SELECT COALESCE(max(${identifier(log.position)}), 0)::text AS last FROM ${tableName(log.table)}`,
    { last: string() },
  );
  return BigInt(row?.last ?? 0);
}

// So few events take a few tenths of a second, during which nobody minds to wait.
const tail = 500n;
// Where the rounds get no shorter, writers are held back for that long, and then again: 20 s of replaying in all, in which they append
// nothing but what was waiting in between.
const heldSeconds = 2;
const mostHolds = 10;

/**
 * Looks how many events are left, while nobody appends, and puts the fresh table in the old one's place if they can be replayed
 * soon, all in one transaction: readers see the old projection until they see the whole new one. Positions come from a sequence, so an
 * event with a lower one may be committed after one with a higher; the lock is granted only when no writer is under way, which puts
 * all of these behind us. Else the log is known to be complete up to a new horizon, writers go on, and so does the replay.
 *
 * This ends, however much is appended. Each round leaves three quarters of the events of the round before it, or fewer. Where one leaves
 * more, writers are held back: nothing is appended then, and what was replayed stays when the time is up. After ten such times in
 * vain, it throws MigrationFailed.
 *
 * A writer waits at most some 6 s at a time: up to 2 s while we wait for the lock, 2 s while we replay, 2 s while we wait
 * for readers of the old table; beyond that, the last page and the count of the projection's rows, tenths of a second as a rule. If we
 * are killed, the server ends the transaction after 5 s.
 */
export async function swap(
  database: Database,
  projection: Projection,
  before: RebuildProgress,
  { clock, size }: { readonly clock: Clock; readonly size: number },
): Promise<RebuildProgress> {
  const { log } = projection;
  return database.transaction(async (tx) => {
    await tx.execute(limited());
    await tx.execute(sql`LOCK TABLE ${tableName(log.table)} IN SHARE ROW EXCLUSIVE MODE`);
    const until = clock.now() + heldSeconds;
    const horizon = await lastPosition(tx, log);
    const left = horizon - before.position;
    if (left > tail && getsShorter(before, left)) {
      return noted(tx, { ...before, horizon, behind: left });
    }
    // One page after another. None may take longer than what all of them may.
    await tx.execute(sql`SELECT set_config('statement_timeout', ${`${heldSeconds}s`}, true)`);
    let at: RebuildProgress = { ...before, horizon };
    while (at.position < at.horizon) {
      if (clock.now() >= until) {
        if (at.holds + 1 >= mostHolds) {
          throw neverEnds(projection, at);
        }
        // As if the log ended here: writers get in between, and are held back again.
        return noted(tx, { ...at, horizon: at.position, behind: left, holds: at.holds + 1 });
      }
      const page = await replayPage(tx, projection, at, Math.min(size, Number(tail)));
      if (page === undefined) {
        throw claimLost(at);
      }
      at = page.at;
    }
    await tx.execute(sql`SET LOCAL statement_timeout TO DEFAULT`);
    return swapIn(tx, projection, at);
  });
}

/** Whether it is worth another round without holding anybody back. Once somebody was, no more rounds are. */
function getsShorter({ behind, holds }: RebuildProgress, left: bigint): boolean {
  return holds === 0 && (behind === null || left * 4n <= behind * 3n);
}

async function noted(tx: Statements, at: RebuildProgress): Promise<RebuildProgress> {
  const [written] = await tx.query(
    sql`
    WITH ${heldRebuild(at)}
    UPDATE ${ledger.rebuilds} r
    SET batches = r.batches + 1, horizon = ${String(at.horizon)}::bigint, behind = ${String(at.behind)}::bigint, holds = ${at.holds}
    FROM held WHERE r.job = held.job
    RETURNING r.job`,
    {},
  );
  if (!written) {
    throw claimLost(at);
  }
  return { ...at, batches: at.batches + 1 };
}

function neverEnds({ job, log }: Projection, { position, horizon, holds }: RebuildProgress): MigrationFailed {
  return new MigrationFailed(
    `${job}: more events are appended to ${log.table} than can be replayed: up to ${horizon - position} are left after its ` +
      `writers were held back ${holds + 1} times for ${heldSeconds} s. Start the rebuild again when fewer are appended; until ` +
      'then the old projection stays',
  );
}

async function swapIn(tx: Statements, projection: Projection, at: RebuildProgress): Promise<RebuildProgress> {
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
    throw claimLost(at);
  }
  for (const statement of await swapStatements(tx, projection.table)) {
    await tx.execute(statement);
  }
  return { ...at, finished: true, projections: finished.projections };
}

/** Thrown, so that nothing of the transaction stays. */
const claimLost = ({ job }: RebuildProgress) =>
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
