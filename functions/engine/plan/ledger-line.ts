import { boolean, nullable, number, picklist } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { sql } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import { type Status, statuses } from '../ledger/life-cycle.ts';
import { ledger } from '../ledger/names.ts';

/** Where the ledger says that a migration stands. */
export interface LedgerLine {
  readonly status: Status;
  /** When it began, in ms since 1970. */
  readonly startedAt: number;
  /** `cleanup` has dropped what it left behind: it never runs again. */
  readonly cleanedUp: boolean;
  /** Which walk over the table it is on, from 1. */
  readonly pass: number;
  /**
   * What the walk has ahead of it: all after a key (null: from the beginning), up to a key (null: to the end). One, or where lanes walk the
   * table one for each of their ranges that is not done.
   */
  readonly ahead: readonly Ahead[];
}

export interface Ahead {
  readonly cursor: Key | null;
  readonly until: Key | null;
}

/** Reads a migration's line in the ledger; undefined if it has never run. Throws DatabaseError. */
export async function readLedgerLine(database: Database, migration: string): Promise<LedgerLine | undefined> {
  const [row] = await database.query(
    sql`
    SELECT m.status, m.pass, m.cursor::text AS cursor, extract(epoch FROM m.started_at)::float8 AS started_at,
      m.cleaned_up_at IS NOT NULL AS cleaned_up
    FROM ${ledger.migrations} m WHERE m.name = ${migration}`,
    {
      status: picklist(statuses),
      pass: number(),
      cursor: nullable(key),
      started_at: number(),
      cleaned_up: boolean(),
    },
  );
  if (row === undefined) {
    return undefined;
  }
  const { status, pass, cursor, started_at, cleaned_up } = row;
  const ranges = await database.query(
    sql`SELECT done, cursor::text AS cursor, until::text AS until FROM ${ledger.ranges} WHERE migration = ${migration}`,
    { done: boolean(), cursor: nullable(key), until: nullable(key) },
  );
  const ahead = ranges.length === 0 ? [{ cursor, until: null }] : ranges.filter(({ done }) => !done);
  return { status, pass, ahead, startedAt: started_at * 1_000, cleanedUp: cleaned_up };
}

/** Whether the next run goes on from the cursor; otherwise it walks over the table from its beginning. */
export function goesOn(line: LedgerLine | undefined): line is LedgerLine {
  return line?.status === 'running' || line?.status === 'failed';
}
