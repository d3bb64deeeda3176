import { boolean } from 'valibot';
import type { ValidationResult } from '../../contract.ts';
import type { Database } from '../database/data-api.ts';
import { sql, when } from '../database/sql.ts';
import type { Registered } from '../define/registered.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { owed } from '../ledger/follow-ups.ts';
import { noted } from '../ledger/history.ts';
import { make, makeIf, may } from '../ledger/life-cycle.ts';
import { heldBy } from '../ledger/move.ts';
import { ledger } from '../ledger/names.ts';
import { rateForgotten } from '../ledger/rates.ts';
import { rowErrors } from '../ledger/row-errors.ts';
import { lastPass } from '../slice/slice.ts';

// As many as a person looks at; ten of 300 characters are far from the 256 KiB of a state.
const samples = 10;

/** What ends with the last batch. */
export interface Finish {
  /** Working time not yet in the ledger. */
  readonly seconds: number;
  readonly validations?: readonly ValidationResult[];
}

/**
 * Finishes a migration whose last pass is done: its result, and the follow-up jobs that are owed for it now. False if the
 * claim or the checkpoint was not ours any more.
 */
export async function finish(
  database: Database,
  migration: Registered,
  at: Checkpoint,
  { seconds, validations = [] }: Finish,
): Promise<boolean> {
  const isRetry = at.request.retry !== undefined;
  const errors = at.rowErrors === 0 ? [] : await rowErrors(database, migration.name, samples);
  const extra = {
    ...(errors.length > 0 && {
      error_samples: errors.map(({ key, reason, sqlstate }) => ({ key: key.join(', '), reason, sqlstate })),
    }),
    // Nobody looks behind the last pass: what it still found goes on coming in. A retry has not looked.
    ...(!isRetry && at.pass === lastPass && at.passUpdated > 0 && { still_arriving: at.passUpdated }),
    ...(validations.length > 0 && { validations }),
  };
  const [finished] = await database.query(
    sql`
    WITH ${heldBy(at, 'durably')},
    "finished#" AS (
      UPDATE ${ledger.migrations} m SET
        ${make('finish')}, claim = NULL, resting = NULL, finished_at = now(),
        rows_known = LEAST(m.rows_known, m.total_processed), -- the planner may have expected more
        duration_seconds = m.duration_seconds + ${seconds}::float8,
        result = jsonb_build_object(
          'total_processed', m.total_processed,
          'total_updated', m.total_updated,
          'errors', (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name),
          'duration_seconds', round((m.duration_seconds + ${seconds}::float8)::numeric, 1)
        ) || ${JSON.stringify(extra)}::jsonb
          ${when(isRetry, sql`|| jsonb_strip_nulls(jsonb_build_object('still_arriving', m.result -> 'still_arriving'))`)}
      FROM "held#" WHERE m.name = "held#".name AND ${may('finish')}
      RETURNING m.name, m.run, m.total_processed
    ),
    ${noted(isRetry ? 'row errors retried' : 'finished', sql`"finished#"`, {
      migration: sql`name`,
      run: sql`run`,
      detail: sql`total_processed || ' rows'`,
    })},
    "rate#" AS (${rateForgotten(sql`"finished#"`)}),
    "validated#" AS ( -- should it begin anew in this run, it is validated anew
      UPDATE ${ledger.runs} r SET stage = NULL FROM "finished#" WHERE r.execution_arn = ${at.run}
    ),
    ${owed(migration.rebuilds, sql`EXISTS (SELECT FROM "finished#")`)}
    SELECT name FROM "finished#"`,
    {},
  );
  return finished !== undefined;
}

/**
 * Ends the retry of a migration that was never finished: the rest is for an ordinary run. One that was finished before is
 * left as it is, since it is to be finished again. Undefined if the claim was not ours any more.
 */
export async function endRetry(
  database: Database,
  at: Checkpoint,
): Promise<'finished before' | 'unfinished' | undefined> {
  const [row] = await database.query(
    sql`
    UPDATE ${ledger.migrations} m SET
      ${makeIf('breakOff', sql`m.result IS NULL`)},
      claim = CASE WHEN m.result IS NULL THEN NULL ELSE m.claim END
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid
    RETURNING m.result IS NULL AS unfinished`,
    { unfinished: boolean() },
  );
  return row && (row.unfinished ? 'unfinished' : 'finished before');
}
