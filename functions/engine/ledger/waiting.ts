import { number, string } from 'valibot';
import type { Caller, Execution } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import { nextLook } from '../time/backoff.ts';
import { isHolder } from './holder.ts';
import { ledger } from './names.ts';

/** What a run waits for: a place among those in the background, or something else. */
export type WaitsFor = 'a place' | 'another' | 'the end of a pause';

/** A wait as the ledger keeps it. */
export interface Waiting {
  /** ISO 8601. */
  readonly since: string;
  readonly until: string;
  readonly reason: string;
  readonly for: WaitsFor;
}

/**
 * Notes in the ledger what a run waits for, and counts a slice. Returns the seconds until it is to look again: the longer it has
 * waited, the more. Undefined if the run is not under way any more.
 */
export async function wait(
  database: Database,
  run: Caller,
  what: { readonly for: WaitsFor; readonly reason: string },
): Promise<{ readonly seconds: number; readonly waited: number } | undefined> {
  const waited = await waitedFor(database, run);
  const seconds = Math.ceil(nextLook(waited));
  const rows = await database.query(
    sql`
    UPDATE ${ledger.runs} r SET slices = r.slices + 1, waiting = jsonb_build_object(
      'since', COALESCE(r.waiting -> 'since', to_jsonb(now())), 'until', now() + ${seconds} * interval '1 s',
      'reason', ${what.reason}::text, 'for', ${what.for}::text)
    WHERE ${isHolder(run)} RETURNING r.slices`,
    {},
  );
  return rows.length > 0 ? { seconds, waited } : undefined;
}

/** For how long a run has been waiting, in seconds; 0 if it is not. */
export async function waitedFor(database: Database, run: Caller): Promise<number> {
  const [row] = await database.query(
    sql`
    SELECT COALESCE(extract(epoch FROM now() - (r.waiting ->> 'since')::timestamptz), 0)::float8 AS waited
    FROM ${ledger.runs} r WHERE ${isHolder(run)}`,
    { waited: number() },
  );
  return row?.waited ?? 0;
}

/** The run waits no longer. */
export async function waitsNoMore(database: Pick<Database, 'execute'>, run: Caller): Promise<void> {
  await database.execute(sql`
    UPDATE ${ledger.runs} r SET waiting = NULL WHERE ${isHolder(run)} AND r.waiting IS NOT NULL`);
}

/** The runs that wait for a place in the background, by their locks. */
export async function waitingForPlace(
  database: Pick<Database, 'query'>,
): Promise<readonly (Execution & { readonly lock: string })[]> {
  return database.query(
    sql`
    SELECT r.execution_arn, r.redrive_count, r.lock FROM ${ledger.runs} r
    WHERE r.status = 'running' AND r.waiting ->> 'for' = ${'a place' satisfies WaitsFor}`,
    { execution_arn: string(), redrive_count: number(), lock: string() },
  );
}
