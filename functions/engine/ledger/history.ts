import { nullable, number, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { type Sql, sql } from '../database/sql.ts';
import { ledger } from './names.ts';

/** What the ledger's history tells of, as it says it. */
export type Event =
  | 'run started'
  | 'run redriven'
  | 'run went on in its next part'
  | 'run succeeded'
  | 'run failed'
  | 'run found ended'
  | 'begun'
  | 'finished'
  | 'taken over'
  | 'restored'
  | 'row errors retried'
  | 'cleaned up'
  | 'stopped'
  | 'paused'
  | 'resumed'
  | 'tuned'
  | 'tuning reset';

/** What is said of an event. Expressions over what it happened to. */
interface Noted {
  readonly migration?: Sql;
  readonly run?: Sql;
  readonly who?: Sql;
  readonly detail?: Sql;
}

/**
 * A CTE: writes an event into the history for each line of `from`, a FROM clause with what follows it. So it is written together with
 * what happened, or not at all.
 */
export function noted(event: Sql | Event, from: Sql, { migration, run, who, detail }: Noted): Sql {
  const none = sql`NULL`;
  return sql`
    "noted#" AS (
      INSERT INTO ${ledger.history} (event, migration, run, who, detail)
      SELECT ${event}, ${migration ?? none}, ${run ?? none}, ${who ?? none}, ${detail ?? none} FROM ${from}
    )`;
}

/** Writes into the history that somebody has stopped a run. */
export async function noteStopped(
  database: Database,
  run: string,
  migration: string | undefined,
  who: string,
): Promise<void> {
  await database.execute(sql`
    INSERT INTO ${ledger.history} (event, migration, run, who)
    VALUES (${'stopped' satisfies Event}, ${migration ?? null}, ${run}, ${who})`);
}

/** One line of the history. */
export interface HistoryLine {
  readonly at: string;
  readonly event: string;
  readonly migration: string | null;
  readonly run: string | null;
  readonly who: string | null;
  readonly detail: string | null;
}

/** The last lines of the history, the oldest first, at most so many: of all, or of one migration and the runs for it alone. */
export async function history(
  database: Database,
  most: number,
  migration?: string,
): Promise<readonly HistoryLine[]> {
  const about = migration ?? null;
  const rows = await database.query(
    sql`
    SELECT h.id, to_jsonb(h.at) #>> '{}' AS at, h.event, h.migration, h.run, h.who, h.detail FROM ${ledger.history} h
    WHERE ${about}::text IS NULL OR h.migration = ${about}::text
    ORDER BY h.id DESC LIMIT ${most}`,
    {
      id: number(),
      at: string(),
      event: string(),
      migration: nullable(string()),
      run: nullable(string()),
      who: nullable(string()),
      detail: nullable(string()),
    },
  );
  return rows.map(({ id: _, ...line }) => line).reverse();
}
