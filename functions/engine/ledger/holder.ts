import type { Caller } from '../../contract.ts';
import { type Sql, sql } from '../database/sql.ts';
import { Superseded } from '../errors.ts';
import { ledger } from './names.ts';

/**
 * A condition over a line `r` of the runs: it is this execution's, and holds the ledger. An execution that was redriven since
 * is another one: what was sent before the redrive arrives too late.
 */
export function isHolder(run: Caller): Sql {
  return sql`r.execution_arn = ${run.execution_arn} AND r.redrive_count = ${run.redrive_count} AND r.status = 'running'`;
}

/** What an invocation throws that finds its run not holding the ledger any more, or not yet. */
export function doesNotHold(migration: string, run: Caller): Superseded {
  return new Superseded(`migration "${migration}": the run ${run.execution_arn} does not hold the ledger`);
}

/** A condition: one execution is a part of the same run as another, which goes on over continuations. */
export function ofThisRun(execution: Sql, run: Sql): Sql {
  return sql`(${execution} = ${run} OR ${execution} IN (
    SELECT part.execution_arn FROM ${ledger.runs} me JOIN ${ledger.runs} part ON part.first_arn = me.first_arn
    WHERE me.execution_arn = ${run}))`;
}
