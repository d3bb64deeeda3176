import type { Caller } from '../../contract.ts';
import { type Sql, sql } from '../database/sql.ts';
import { Superseded } from '../errors.ts';
import { isUnderWay } from './life-cycle.ts';
import { ledger } from './names.ts';

/**
 * A condition over a line `r` of the runs: this run is under way, and this is the part of it that works. A run that was redriven
 * since is another one, and so is a part that was followed by the next: what they sent arrives too late.
 */
export function isHolder(run: Caller): Sql {
  return sql`r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.part = ${run.part}
    AND r.status = 'running'`;
}

/** A condition over a migration's line `m`: a run other than this one is at it, as far as the ledger knows. */
export function isHeldByOther(run: Caller): Sql {
  return sql`(${isUnderWay()} AND m.run <> ${run.execution_arn} AND EXISTS (
    SELECT FROM ${ledger.runs} other WHERE other.execution_arn = m.run AND other.status = 'running'))`;
}

/** What an invocation throws that finds its run not under way any more, or not yet. */
export function doesNotHold(migration: string, run: Caller): Superseded {
  return new Superseded(`migration "${migration}": the run ${run.execution_arn} does not hold the ledger`);
}
