import { nullable, number, string } from 'valibot';
import {
  type Action,
  type Answer,
  actions,
  type Caller,
  type Counters,
  type RunInput,
} from '../../contract.ts';
import type { Database, Statements } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { sql } from '../database/sql.ts';
import { isHolder } from './holder.ts';
import { ledger } from './names.ts';

/** What the ledger knows of an execution. */
export interface RunState {
  /** How many slices it has had, over all migrations. */
  readonly slices: number;
  readonly request: RunInput;
  /** Its answer about the one migration that it was started for, where that is not the migration's result. */
  readonly answer: Answer | undefined;
}

/** Reads what the ledger knows of an execution. */
export async function runState(database: Database, run: Caller): Promise<RunState> {
  const [row] = await database.query(
    sql`
    SELECT slices, request::text AS request, result::text AS result
    FROM ${ledger.runs} WHERE execution_arn = ${run.execution_arn}`,
    { slices: number(), request: ownJson<RunInput>(), result: nullable(ownJson<Answer>()) },
  );
  if (!row) {
    return { slices: 0, request: {}, answer: undefined };
  }
  return {
    slices: row.slices,
    request: row.request,
    answer: row.result === null ? undefined : inOrder(row.result),
  };
}

/** Counts a slice that claims no migration: the slices so far, or undefined if this execution does not hold the ledger. */
export async function countSlice(database: Database, run: Caller): Promise<number | undefined> {
  const [row] = await database.query(
    sql`UPDATE ${ledger.runs} r SET slices = r.slices + 1 WHERE ${isHolder(run)} RETURNING r.slices`,
    { slices: number() },
  );
  return row?.slices;
}

/** Keeps a run's answer about the one migration that it was started for. */
export async function keepAnswer(database: Statements, run: Caller, answer: Answer): Promise<void> {
  await database.execute(sql`
    UPDATE ${ledger.runs} SET result = ${JSON.stringify(answer)}::jsonb
    WHERE execution_arn = ${run.execution_arn} AND status = 'running'`);
}

/** The one migration that a run was started for, and what to do with it; undefined for all that is pending. */
export function actionOf(
  request: RunInput,
): { readonly action: Action; readonly migration: string } | undefined {
  for (const action of actions) {
    const migration = request[action];
    if (migration !== undefined) {
      return { action, migration };
    }
  }
  return undefined;
}

/** The results of the migrations that this run has finished or restored, its earlier parts included. */
export async function resultsOf(
  database: Database,
  run: Caller,
): Promise<ReadonlyMap<string, Counters | Answer>> {
  const rows = await database.query(
    sql`
    SELECT m.name, (CASE m.status WHEN 'finished' THEN m.result
      ELSE jsonb_build_object('restored', m.restore -> 'restored', 'left', m.restore -> 'left') END)::text AS result
    FROM ${ledger.runs} me
    JOIN ${ledger.runs} part ON part.first_arn = me.first_arn
    JOIN ${ledger.migrations} m ON m.run = part.execution_arn
    WHERE me.execution_arn = ${run.execution_arn} AND m.status IN ('finished', 'restored')`,
    { name: string(), result: ownJson<Counters | Answer>() },
  );
  return new Map(rows.map(({ name, result }) => [name, inOrder(result)]));
}

const fields = [
  ...['name', 'passed', 'failed_rows', 'keys'],
  ...['key', 'reason', 'sqlstate'],
  ...['total_processed', 'total_updated', 'errors', 'duration_seconds', 'restored', 'left'],
];

/** JSON from the ledger with its fields in the order in which people read them: jsonb keeps an order of its own. */
function inOrder<T>(value: T): T {
  if (Array.isArray(value)) {
    return value.map(inOrder) as T;
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const place = ([name]: readonly [string, unknown]) => fields.indexOf(name);
  const entries = Object.entries(value).map(([name, each]) => [name, inOrder(each)] as const);
  const known = entries.filter(([name]) => fields.includes(name)).sort((a, b) => place(a) - place(b));
  return Object.fromEntries([...known, ...entries.filter(([name]) => !fields.includes(name))]) as T;
}
