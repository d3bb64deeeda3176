import { nullable, number, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { sql } from '../database/sql.ts';
import { DatabaseError } from '../errors.ts';
import type { Controls } from '../ledger/controls.ts';
import { ledger } from '../ledger/names.ts';
import {
  fitOf,
  type LedgerVersion,
  ledgerVersion,
  refuseTooNew,
  versionColumns,
  versionRow,
} from '../ledger/schema.ts';
import { currentVersion } from '../ledger/versions.ts';

/** One migration's line in the ledger. What version 1 does not have is optional. */
export interface Line {
  readonly name: string;
  readonly status: 'running' | 'failed' | 'finished' | 'restoring' | 'restored';
  readonly run: string;
  readonly total_processed: number;
  readonly total_updated: number;
  readonly rows_known: number;
  readonly duration_seconds: number;
  readonly started_at: string;
  readonly finished_at: string | null;
  /** As the result map has it; of a migration that has finished. */
  readonly result?: { readonly still_arriving?: number } | null;
  /** `held_since`: since when it has been held under pressure; not there for a rest that the schedule asks for. */
  readonly resting?: { readonly until: string; readonly reason: string; readonly held_since?: string } | null;
  /** How it is spread over the time that it has. */
  readonly schedule?: {
    readonly must_end_at: string;
    readonly ends_at: string;
    readonly late_seconds: number;
  } | null;
  /** How far putting back its rows is, and why they are put back. */
  readonly restore?: { readonly restored: number; readonly left: number; readonly because: string } | null;
  readonly slice_started_at?: string | null;
  readonly slice_processed?: number;
  readonly cleaned_up_at?: string | null;
  /** Its row errors. */
  readonly errors: number;
}

/** How far a run is with validating. */
export interface Stage {
  readonly migration: string;
  readonly rows: number;
  readonly ended: boolean;
}

/** A run that the ledger has as under way, dead or alive. */
export interface Run {
  readonly execution_arn: string;
  readonly lock?: string;
  readonly waiting?: { readonly reason: string; readonly until: string } | null;
  /** What it validates. */
  readonly stage?: Stage | null;
}

/** The ledger as a command sees it. */
export interface Ledger extends LedgerVersion {
  /** The database's time. */
  readonly now: string;
  readonly running: readonly Run[];
  readonly lines: ReadonlyMap<string, Line>;
  readonly controls: ReadonlyMap<string, Controls>;
}

const nothingRan: Ledger = {
  version: 0,
  needs: 0,
  now: '',
  running: [],
  lines: new Map(),
  controls: new Map(),
};

// undefined_table and invalid_schema_name.
const notThere = ['42P01', '3F000'];

/**
 * Reads the ledger, also an older one: a line comes as JSON, with the columns that there are. Throws MigrationFailed for one that needs newer
 * code, since what it says may mean something else.
 */
export async function readLedger(database: Database): Promise<Ledger> {
  try {
    const rows = await database.query(
      sql`
      SELECT "version#".version, "version#".needs, to_jsonb(now())::text AS now,
        (SELECT jsonb_agg(to_jsonb(r) - 'request' - 'results' ORDER BY r.started_at) FROM ${ledger.runs} r
          WHERE r.status = 'running')::text AS running,
        (to_jsonb(m) - 'cursor' - 'conflicted')::text AS line,
        (SELECT count(*) FROM ${ledger.rowErrors} e WHERE e.migration = m.name) AS errors
      FROM (SELECT ${versionColumns()} FROM ${ledger.version} v) AS "version#"
      LEFT JOIN ${ledger.migrations} m ON true
      ORDER BY m.started_at, m.name`,
      {
        ...versionRow,
        now: ownJson<string>(),
        running: nullable(ownJson<readonly Run[]>()),
        line: nullable(ownJson<Omit<Line, 'errors'>>()),
        errors: number(),
      },
    );
    const lines = rows.flatMap(({ line, errors }) => (line === null ? [] : [{ ...line, errors }]));
    const { version = 0, needs = 0, now = '', running = null } = rows[0] ?? {};
    refuseTooNew({ version, needs });
    return {
      version,
      needs,
      now,
      running: running ?? [],
      controls: await readControls(database, version),
      lines: new Map(lines.map((line) => [line.name, line])),
    };
  } catch (error) {
    if (error instanceof DatabaseError && notThere.includes(error.sqlState ?? '')) {
      return nothingRan;
    }
    // A newer one may have other columns: then that is said, and not which are missing.
    if (error instanceof DatabaseError && error.fault === 'migration') {
      refuseTooNew(await ledgerVersion(database));
    }
    throw error;
  }
}

/** How operators hold and steer migrations; an older ledger has no such table. */
async function readControls(database: Database, version: number): Promise<Ledger['controls']> {
  if (version < 4) {
    return new Map();
  }
  const rows = await database.query(
    sql`SELECT c.migration, to_jsonb(c)::text AS controls FROM ${ledger.controls} c ORDER BY c.migration`,
    { migration: string(), controls: ownJson<Controls>() },
  );
  return new Map(rows.map(({ migration, controls }) => [migration, controls]));
}

/** What to say about the ledger as a whole, if anything. */
export function aboutLedger(found: LedgerVersion): string | undefined {
  switch (fitOf(found)) {
    case 'none':
      return 'there is no ledger yet: nothing has ever run here';
    case 'older':
      return `the ledger has version ${found.version}, this checkout knows ${currentVersion}: the next run of it upgrades the ledger`;
    default:
      return undefined;
  }
}
