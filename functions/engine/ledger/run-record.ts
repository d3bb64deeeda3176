import { boolean, nullable, number, string } from 'valibot';
import {
  type Action,
  type Answer,
  actions,
  type Caller,
  type Counters,
  type Result,
  type RunInput,
} from '../../contract.ts';
import type { Database, Statements } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { sql } from '../database/sql.ts';
import { isHolder } from './holder.ts';
import { ledger } from './names.ts';

/** Step Functions takes 256 KiB of state; the rest is for what stands around the results. */
export const mostResultBytes = 200_000;

/** What the ledger knows of a run. */
export interface RunState {
  /** How many slices its part has had, over all migrations. */
  readonly slices: number;
  /** A release that was deployed since asks it to go on with the new code, in its next part. */
  readonly renew: boolean;
  readonly request: RunInput;
  /** What it has to say of the migrations that it is through with, by their names. */
  readonly results: ReadonlyMap<string, Result>;
}

/** Reads what the ledger knows of a run. Each result has a row of its own: all of them may be too much for one. */
export async function runState(database: Statements, run: Caller): Promise<RunState> {
  const rows = await database.query(
    sql`
    SELECT r.slices, r.renew, r.request::text AS request, kept.key AS migration, kept.value::text AS result
    FROM ${ledger.runs} r LEFT JOIN LATERAL jsonb_each(r.results) AS kept ON true
    WHERE r.execution_arn = ${run.execution_arn}`,
    {
      slices: number(),
      renew: boolean(),
      request: ownJson<RunInput>(),
      migration: nullable(string()),
      result: nullable(ownJson<Result>()),
    },
  );
  const [{ slices, renew, request } = { slices: 0, renew: false, request: {} }] = rows;
  const results = rows.flatMap(({ migration, result }) =>
    migration === null || result === null ? [] : [[migration, inOrder(result)] as const],
  );
  return { slices, renew, request, results: new Map(results) };
}

/** Whether a run is under way, and this is the part of it that works. */
export async function isUnderWay(database: Statements, run: Caller): Promise<boolean> {
  const [row] = await database.query(sql`SELECT r.part FROM ${ledger.runs} r WHERE ${isHolder(run)}`, {
    part: number(),
  });
  return row !== undefined;
}

/** Counts a slice that claims no migration: how the part stands then, or undefined if the run is not under way. */
export async function countSlice(
  database: Database,
  run: Caller,
): Promise<Pick<RunState, 'slices' | 'renew'> | undefined> {
  const [row] = await database.query(
    sql`UPDATE ${ledger.runs} r SET slices = r.slices + 1 WHERE ${isHolder(run)} RETURNING r.slices, r.renew`,
    { slices: number(), renew: boolean() },
  );
  return row;
}

/**
 * Keeps what a run has to say of a migration that it is through with; in short where its results would otherwise be more than an
 * output may have.
 */
export async function keepResult(
  database: Statements,
  run: Caller,
  migration: string,
  result: Result,
  inShort: Result = result,
): Promise<void> {
  const whole = sql`${JSON.stringify(result)}::jsonb`;
  await database.execute(sql`
    UPDATE ${ledger.runs} SET results = results || jsonb_build_object(${migration},
      CASE WHEN octet_length((results - ${migration})::text) + octet_length(${whole}::text) <= ${mostResultBytes}
        THEN ${whole} ELSE ${JSON.stringify(inShort)}::jsonb END)
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

/** What a run is there for, as people say it. */
export function purposeOf(request: RunInput): string {
  const asked = actionOf(request);
  if (asked === undefined) {
    return 'the run of a release';
  }
  const { action, migration } = asked;
  return action === 'background' ? `${migration} in the background` : `${action} ${migration}`;
}

/** What a migration came to that is finished or restored; undefined while it is neither. */
export async function outcomeOf(
  database: Statements,
  migration: string,
): Promise<Counters | Answer | undefined> {
  const [row] = await database.query(
    sql`
    SELECT (CASE m.status WHEN 'finished' THEN m.result
      ELSE jsonb_build_object('restored', m.restore -> 'restored', 'left', m.restore -> 'left') END)::text AS result
    FROM ${ledger.migrations} m WHERE m.name = ${migration} AND m.status IN ('finished', 'restored')`,
    { result: nullable(ownJson<Counters | Answer>()) },
  );
  return row?.result ? inOrder(row.result) : undefined;
}

const fields = [
  ...['name', 'passed', 'failed_rows', 'keys'],
  ...['key', 'reason', 'sqlstate'],
  ...['state', 'execution', 'by', 'since', 'waits_for'],
  ...['total_processed', 'total_updated', 'errors', 'duration_seconds', 'restored', 'left'],
  ...['percent', 'expected_end'],
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
