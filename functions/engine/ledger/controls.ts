import { nullable } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { sql, withCtes } from '../database/sql.ts';
import type { WindowOptions } from '../time/maintenance-window.ts';
import { noted } from './history.ts';
import { ledger } from './names.ts';

/** Who paused a migration, when and why. */
export interface Pause {
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string | null;
}

/** What operators have set for a migration in place of what its author wrote. */
export interface Tuning {
  readonly batchSeconds?: number;
  readonly restSeconds?: number;
  readonly within?: string;
  readonly window?: WindowOptions;
  readonly lanes?: number;
}

/** How operators hold and steer a migration. It is kept over runs and releases. */
export interface Controls {
  readonly paused: Pause | null;
  readonly tuned: Tuning | null;
}

/** Reads how a migration is controlled. */
export async function controlsOf(database: Database, migration: string): Promise<Controls> {
  const [row] = await database.query(
    sql`
    SELECT c.paused::text AS paused, c.tuned::text AS tuned FROM ${ledger.controls} c WHERE c.migration = ${migration}`,
    { paused: nullable(ownJson<Pause>()), tuned: nullable(ownJson<Tuning>()) },
  );
  return row ?? { paused: null, tuned: null };
}

/** Pauses a migration until somebody resumes it. One that is paused stays so as it is; false then. */
export async function pause(
  database: Database,
  migration: string,
  by: string,
  reason: string | undefined,
): Promise<boolean> {
  const why = reason ?? null;
  const paused = sql`
    "paused#" AS (
      INSERT INTO ${ledger.controls} AS c (migration, paused)
      VALUES (${migration}, jsonb_build_object('by', ${by}::text, 'at', now(), 'reason', ${why}::text))
      ON CONFLICT (migration) DO UPDATE SET paused = excluded.paused WHERE c.paused IS NULL
      RETURNING c.migration
    )`;
  const note = noted('paused', sql`"paused#"`, {
    migration: sql`migration`,
    who: sql`${by}`,
    detail: sql`${why}`,
  });
  const rows = await database.query(withCtes([paused, note], sql`SELECT migration FROM "paused#"`), {});
  return rows.length > 0;
}

/** Ends a pause; false where there is none. */
export async function unpause(database: Database, migration: string, by: string): Promise<boolean> {
  const resumed = sql`
    "resumed#" AS (
      UPDATE ${ledger.controls} c SET paused = NULL WHERE c.migration = ${migration} AND c.paused IS NOT NULL
      RETURNING c.migration
    )`;
  const note = noted('resumed', sql`"resumed#"`, { migration: sql`migration`, who: sql`${by}` });
  const rows = await database.query(withCtes([resumed, note], sql`SELECT migration FROM "resumed#"`), {});
  return rows.length > 0;
}

/**
 * Sets what is given in place of what the author wrote, beside what was set before; `null` forgets all of it. A rest replaces a
 * `within`, which works the rests out, and the other way round.
 */
export async function tune(
  database: Database,
  migration: string,
  by: string,
  tuning: Tuning | null,
): Promise<Controls> {
  const text = tuning === null ? null : JSON.stringify(tuning);
  const replaced =
    tuning?.restSeconds !== undefined ? 'within' : tuning?.within !== undefined ? 'restSeconds' : '';
  const set = sql`
    "tuned#" AS (
      INSERT INTO ${ledger.controls} AS c (migration, tuned) VALUES (${migration}, ${text}::jsonb)
      ON CONFLICT (migration) DO UPDATE
        SET tuned = (COALESCE(c.tuned, '{}') - ${replaced}::text) || ${text}::jsonb
      RETURNING c.migration
    )`;
  const note = noted(tuning === null ? 'tuning reset' : 'tuned', sql`"tuned#"`, {
    migration: sql`migration`,
    who: sql`${by}`,
    detail: sql`${text}`,
  });
  await database.execute(withCtes([set, note], sql`SELECT migration FROM "tuned#"`));
  return controlsOf(database, migration);
}
