import { type Sql, sql } from '../database/sql.ts';
import { ledger } from '../ledger/names.ts';

/**
 * An expression over a migration's line `m`: what its validations found last, as a jsonb array of `{name, failedRows, keys, unevaluated,
 * reason}`. That is in a run that was asked to validate, or that failed by it, unless the migration has finished since; or else when it
 * finished.
 */
export function latestFindings(): Sql {
  return sql`
    COALESCE(
      (SELECT r.stage -> 'found' FROM ${ledger.runs} r
       WHERE r.stage ->> 'migration' = m.name AND r.started_at > COALESCE(m.finished_at, '-infinity')
       ORDER BY r.started_at DESC LIMIT 1),
      (SELECT jsonb_agg(jsonb_build_object('name', v -> 'name', 'failedRows', v -> 'failed_rows',
         'keys', COALESCE(v -> 'keys', '[]'), 'unevaluated', 0))
       FROM jsonb_array_elements(m.result -> 'validations') AS v),
      '[]')`;
}
