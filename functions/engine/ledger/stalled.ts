import { number, string } from 'valibot';
import type { Statements } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import { DatabaseError } from '../errors.ts';
import { isUnderWay } from './life-cycle.ts';
import { ledger } from './names.ts';
import { ledgerVersion, refuseTooNew } from './schema.ts';

/**
 * Without a batch for so long, in seconds, something is wrong that nobody says: a slice ends after four minutes, and what ended it
 * badly is tried again within five, so 15 min are three chances to go on.
 */
export const stalledAfter = 900;

/** A migration or a run that should go on and does not. */
export interface Stalled {
  /** The migration's name; of a run that waits for its turn, the one that it waits with. */
  readonly migration: string;
  /** The run's first execution. */
  readonly run: string;
  /** For how long it should have been going on, in seconds. */
  readonly seconds: number;
}

// A ledger that was made by an earlier release does not know when the last batch was; the slice's beginning has to do there.
const movedAt = sql`COALESCE((to_jsonb(m) ->> 'moved_at')::timestamptz, m.slice_started_at, m.started_at)`;

// Validating moves no checkpoint, and is not one batch after the other: there, each slice counts as a sign of life.
const validatedAt = sql`
  CASE WHEN r.stage ->> 'migration' = m.name AND NOT (r.stage ->> 'ended')::boolean THEN m.slice_started_at END`;

/**
 * What of some runs should go on and has not for `stalledAfter`. What rests, waits for its window or its turn, is held or is paused
 * should not go on before the time that the ledger has for it. A run that the ledger does not have as under way is nobody's concern
 * here, nor is a ledger that is not there. Throws MigrationFailed for one that is not what it was, because newer code has upgraded it.
 *
 * @param runs The first executions of the runs whose executions still run, as Step Functions says.
 */
export async function stalledOf(
  database: Pick<Statements, 'query'>,
  runs: readonly string[],
): Promise<readonly Stalled[]> {
  const waited = (since: typeof movedAt) => sql`extract(epoch FROM now() - ${since})::float8`;
  try {
    return await database.query(
      sql`
      WITH running AS (
        SELECT r.* FROM ${ledger.runs} r
        WHERE r.status = 'running' AND r.execution_arn IN (SELECT jsonb_array_elements_text(${JSON.stringify(runs)}::jsonb))
      ), late AS (
        SELECT m.name AS migration, r.execution_arn AS run,
          ${waited(sql`GREATEST(${movedAt}, (m.resting ->> 'until')::timestamptz, ${validatedAt})`)} AS seconds
        FROM ${ledger.migrations} m JOIN running r ON r.execution_arn = m.run
        WHERE ${isUnderWay()}
        UNION ALL
        SELECT replace(r.lock, 'background:', ''), r.execution_arn, ${waited(sql`(r.waiting ->> 'until')::timestamptz`)}
        FROM running r WHERE r.waiting IS NOT NULL
      )
      SELECT migration, run, seconds FROM late WHERE seconds > ${stalledAfter}::float8 ORDER BY migration`,
      { migration: string(), run: string(), seconds: number() },
    );
  } catch (error) {
    if (error instanceof DatabaseError && isNotThere.includes(error.sqlState ?? '')) {
      return [];
    }
    if (error instanceof DatabaseError && error.fault === 'migration') {
      refuseTooNew(await ledgerVersion(database));
    }
    throw error;
  }
}

// undefined_table and invalid_schema_name: nothing has ever run.
const isNotThere = ['42P01', '3F000'];
