import { boolean, nullable, number, string } from 'valibot';
import type { RunInput } from '../contract.ts';
import type { Database } from '../engine/database/data-api.ts';
import { key, ownJson } from '../engine/database/row-shape.ts';
import { sql } from '../engine/database/sql.ts';
import { type ExecutionStatus, isAlive } from '../engine/ledger/execution-status.ts';
import { type HistoryLine, history } from '../engine/ledger/history.ts';
import { ledger } from '../engine/ledger/names.ts';
import { type Rate, ratesOf } from '../engine/ledger/rates.ts';
import { backgroundLock, isInBackground } from '../engine/ledger/run-lock.ts';
import { fitOf } from '../engine/ledger/schema.ts';
import { latestFindings } from '../engine/overview/latest-findings.ts';
import { type Progress, progressOf } from '../engine/overview/progress.ts';
import { aboutLedger, readLedger } from '../engine/overview/read-ledger.ts';
import { type Known, type Status, statusesIn } from '../engine/overview/status.ts';

/** What the page is read from. */
export interface Source {
  readonly database: Database;
  readonly statusOf: ExecutionStatus;
  /** The registered migrations, in order. */
  readonly registered: readonly Known[];
}

/** All that the page shows. */
export interface Overview {
  /** The database's time, ISO 8601. */
  readonly now: string;
  /** Whether anything has ever run. */
  readonly hasRun: boolean;
  /** Whether the ledger has all that this code knows. If it has not, only the migrations are known, and `runs` and what follows are empty. */
  readonly isCurrent: boolean;
  /** What there is to say about the ledger as a whole: that there is none yet, or that it is of an older version. */
  readonly about: string | undefined;
  /** Every migration: the registered ones in their order, then those that only the ledger remembers. */
  readonly migrations: readonly Shown[];
  /** Those under way, then the last ones, the latest first. */
  readonly runs: readonly Run[];
  readonly rowErrors: readonly RowErrors[];
  readonly validations: readonly Validation[];
  /** The latest first. */
  readonly history: readonly HistoryLine[];
}

/** How one migration stands. */
export interface Shown extends Progress {
  readonly registered: boolean;
  /** Rows that it has changed. */
  readonly updated: number;
  /** How fast it was lately, the latest last; none unless it is under way. */
  readonly rates: readonly Rate[];
  /** Whether it goes on, or last went on, in an execution of its own. */
  readonly inBackground: boolean;
  /** The execution that it is or was part of; null before it has begun. */
  readonly execution: string | null;
  /** Since when it is held under pressure; null unless it is. */
  readonly heldSince: string | null;
  /** Why its run failed; null unless it did. */
  readonly failure: string | null;
  readonly finishedAt: string | null;
  /** Rows that its validations have looked at; null unless they are at work. */
  readonly validated: number | null;
}

/** One run. `stopped`: the ledger has it as under way, but its execution has ended. */
export interface Run {
  readonly arn: string;
  readonly request: RunInput;
  readonly state: 'running' | 'stopped' | 'succeeded' | 'failed';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly failure: string | null;
  readonly waiting: { readonly reason: string; readonly until: string } | null;
}

/** The rows of a migration that could not be migrated, those of one SQLSTATE. */
export interface RowErrors {
  readonly migration: string;
  /** Null for rows that were not refused by the database. */
  readonly sqlstate: string | null;
  readonly rows: number;
  /** The latest, ISO 8601. */
  readonly last: string;
}

/** What a validation found last. */
export interface Validation {
  readonly migration: string;
  readonly name: string;
  readonly failedRows: number;
}

/** A row that could not be migrated, with what is in it. */
export interface BadRow {
  readonly migration: string;
  readonly key: readonly string[];
  readonly reason: string;
  readonly sqlstate: string | null;
  readonly at: string;
}

// As many as a person looks through on one page.
const mostRuns = 20;
const mostHistory = 40;

/**
 * Reads all that the page shows: some statements, each a SELECT, and a question to Step Functions for each run that the ledger has as under
 * way. No keys or values of rows are among it.
 */
export async function readOverview({ database, statusOf, registered }: Source): Promise<Overview> {
  const read = await readLedger(database);
  const isCurrent = fitOf(read) === 'usable';
  const statuses = await Promise.all(read.running.map(({ execution_arn }) => statusOf(execution_arn)));
  const alive = read.running.filter((_, i) => isAlive(statuses[i]));
  const arns = alive.map(({ execution_arn }) => execution_arn);
  // An older ledger has other columns; the next run brings it up to date.
  const [lastRuns, rowErrors, validations, events] = isCurrent
    ? await Promise.all([runs(database, arns), errorCounts(database), findings(database), latest(database)])
    : [[], [], [], []];
  const origins = isCurrent ? await originsOf(database) : new Map<string, Origin>();
  const rates = isCurrent ? await ratesOf(database) : new Map<string, readonly Rate[]>();
  const now = read.now || new Date().toISOString();

  const shown = (status: Status): Shown => {
    const { name, state, line } = status;
    const origin = origins.get(name);
    const stage = alive.find(({ execution_arn }) => execution_arn === line?.run)?.stage;
    const waits = alive.find(({ lock }) => lock === backgroundLock(name));
    return {
      ...progressOf(status, now),
      registered: status.registered,
      updated: line?.total_updated ?? 0,
      rates: rates.get(name) ?? [],
      inBackground: origin?.inBackground === true || waits !== undefined,
      execution: waits?.execution_arn ?? line?.run ?? null,
      heldSince: (state === 'resting' && line?.resting?.held_since) || null,
      failure: (state === 'failed' && origin?.failure) || null,
      finishedAt: line?.finished_at ?? null,
      validated: state === 'validating' ? (stage?.rows ?? null) : null,
    };
  };
  return {
    now,
    hasRun: read.version > 0,
    isCurrent,
    about: aboutLedger(read),
    migrations: statusesIn(registered, read, alive).map(shown),
    runs: lastRuns,
    rowErrors,
    validations,
    history: events.toReversed(),
  };
}

const latest = (database: Database): Promise<readonly HistoryLine[]> => history(database, mostHistory);

/** @param alive The ARNs of executions that still run. */
async function runs(database: Database, alive: readonly string[]): Promise<readonly Run[]> {
  const rows = await database.query(
    sql`
    SELECT r.execution_arn, r.status, r.request::text AS request, r.waiting::text AS waiting, r.failure,
      to_jsonb(r.started_at) #>> '{}' AS started_at, to_jsonb(r.ended_at) #>> '{}' AS ended_at
    FROM ${ledger.runs} r
    ORDER BY r.status = 'running' DESC, r.started_at DESC LIMIT ${mostRuns}`,
    {
      execution_arn: string(),
      status: string(),
      request: ownJson<RunInput>(),
      waiting: nullable(ownJson<{ reason: string; until: string }>()),
      failure: nullable(string()),
      started_at: string(),
      ended_at: nullable(string()),
    },
  );
  return rows.map((row) => ({
    arn: row.execution_arn,
    request: row.request,
    state: stateOf(row.status, alive.includes(row.execution_arn)),
    startedAt: row.started_at,
    endedAt: row.ended_at,
    failure: row.failure,
    waiting: row.waiting,
  }));
}

function stateOf(status: string, isUnderWay: boolean): Run['state'] {
  if (status === 'running') {
    return isUnderWay ? 'running' : 'stopped';
  }
  return status === 'succeeded' || status === 'failed' ? status : 'stopped';
}

async function errorCounts(database: Database): Promise<readonly RowErrors[]> {
  return database.query(
    sql`
    SELECT e.migration, e.sqlstate, count(*) AS rows, to_jsonb(max(e.at)) #>> '{}' AS last
    FROM ${ledger.rowErrors} e GROUP BY e.migration, e.sqlstate ORDER BY e.migration, count(*) DESC`,
    { migration: string(), sqlstate: nullable(string()), rows: number(), last: string() },
  );
}

async function findings(database: Database): Promise<readonly Validation[]> {
  return database.query(
    sql`
    SELECT m.name AS migration, f ->> 'name' AS name, (f ->> 'failedRows')::bigint AS "failedRows"
    FROM ${ledger.migrations} m, jsonb_array_elements(${latestFindings()}) AS f
    ORDER BY m.started_at, m.name`,
    { migration: string(), name: string(), failedRows: number() },
  );
}

/** Of the run in which a migration last went on. */
interface Origin {
  readonly inBackground: boolean;
  readonly failure: string | null;
}

async function originsOf(database: Database): Promise<ReadonlyMap<string, Origin>> {
  const rows = await database.query(
    sql`
    SELECT m.name, ${isInBackground} AS in_background, r.failure
    FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
    WHERE m.status NOT IN ('finished', 'restored')`,
    { name: string(), in_background: boolean(), failure: nullable(string()) },
  );
  return new Map(rows.map((row) => [row.name, { inBackground: row.in_background, failure: row.failure }]));
}

// A reason has at most 300 characters, a key a few, so 400 are far from the Data API's 1 MiB.
const mostBadRows = 400;
const mostBadRowsOfOne = 20;

/** The first rows of each migration that could not be migrated, with their keys and reasons: for who asks for them. */
export async function readBadRows(database: Database): Promise<readonly BadRow[]> {
  return database.query(
    sql`
    SELECT e.migration, e.key::text AS key, e.reason, e.sqlstate, to_jsonb(e.at) #>> '{}' AS at
    FROM (SELECT each.*, row_number() OVER (PARTITION BY each.migration ORDER BY each.at, each.key) AS place
          FROM ${ledger.rowErrors} each) AS e
    WHERE e.place <= ${mostBadRowsOfOne} ORDER BY e.migration, e.place LIMIT ${mostBadRows}`,
    { migration: string(), key, reason: string(), sqlstate: nullable(string()), at: string() },
  );
}
