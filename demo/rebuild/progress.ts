import { boolean, nullable, number, string } from 'valibot';
import type { Execution } from '../../functions/contract.ts';
import type { Database } from '../../functions/engine/database/data-api.ts';
import { type Sql, sql } from '../../functions/engine/database/sql.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';

/** Where a rebuild stands, and the right to write: as a migration's checkpoint, in a table of its own. */
export interface RebuildProgress {
  readonly job: string;
  readonly claim: string;
  readonly batches: number;
  /** The last event replayed. */
  readonly position: bigint;
  /** Up to here the log is known to be complete: no transaction that began earlier can still add an event. */
  readonly horizon: bigint;
  /** How many events were left when the horizon was found, at most; null before the first time. */
  readonly behind: bigint | null;
  /** How often writers were held back, and the time was not enough. */
  readonly holds: number;
  readonly events: number;
  readonly projections: number | null;
  readonly finished: boolean;
}

/** Makes this invocation the one that may write, if the rebuild is still its execution's; undefined otherwise. */
export async function claimRebuild(
  database: Database,
  job: string,
  { execution_arn, redrive_count }: Execution,
): Promise<RebuildProgress | undefined> {
  const [row] = await database.query(
    sql`
    UPDATE ${ledger.rebuilds} SET claim = gen_random_uuid()
    WHERE job = ${job} AND execution_arn = ${execution_arn} AND redrive_count = ${redrive_count}
    RETURNING claim::text AS claim, batches, position::text AS position, horizon::text AS horizon,
      behind::text AS behind, holds, events, projections, finished_at IS NOT NULL AS finished`,
    {
      claim: string(),
      batches: number(),
      position: string(),
      horizon: string(),
      behind: nullable(string()),
      holds: number(),
      events: number(),
      projections: nullable(number()),
      finished: boolean(),
    },
  );
  return (
    row && {
      ...row,
      job,
      position: BigInt(row.position),
      horizon: BigInt(row.horizon),
      behind: row.behind === null ? null : BigInt(row.behind),
    }
  );
}

/** Whether the claim is still ours. */
export async function isHeld(database: Database, at: RebuildProgress): Promise<boolean> {
  const rows = await database.query(
    sql`SELECT job FROM ${ledger.rebuilds} WHERE job = ${at.job} AND claim = ${at.claim}::uuid`,
    {},
  );
  return rows.length > 0;
}

/** The first CTE of every statement that writes: one row, locked, if the claim and the progress are still ours. */
export function heldRebuild(at: RebuildProgress): Sql {
  return sql`
    held AS MATERIALIZED (
      SELECT job FROM ${ledger.rebuilds}
      WHERE job = ${at.job} AND claim = ${at.claim}::uuid AND batches = ${at.batches}
      FOR UPDATE
    )`;
}
