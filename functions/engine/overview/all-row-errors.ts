import { nullable, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { sql, when } from '../database/sql.ts';
import { ledger } from '../ledger/names.ts';
import type { RowError } from '../ledger/row-errors.ts';

/** A row that could not be migrated, as the ledger has it. */
export interface RecordedRowError extends RowError {
  /** When it was recorded, ISO 8601. */
  readonly at: string;
}

// A reason has at most 300 characters, a key a few: far from the Data API's 1 MiB.
const page = 500;

/** The rows that a migration could not migrate, all of them, oldest first. */
export async function allRowErrors(database: Database, name: string): Promise<RecordedRowError[]> {
  const found: RecordedRowError[] = [];
  for (let last: readonly string[] | undefined; ; ) {
    const rows = await database.query(
      sql`
      SELECT e.key::text AS key, e.reason, e.sqlstate, to_jsonb(e.at) #>> '{}' AS at
      FROM ${ledger.rowErrors} e
      WHERE e.migration = ${name} ${when(last !== undefined, sql`AND e.key > ${JSON.stringify(last ?? [])}::jsonb`)}
      ORDER BY e.key LIMIT ${page}`,
      { key, reason: string(), sqlstate: nullable(string()), at: string() },
    );
    found.push(...rows);
    last = rows.at(-1)?.key;
    if (rows.length < page) {
      return found.sort((a, b) => compare(a.at, b.at) || compareKeys(a, b));
    }
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** In the order of their keys, numbers in that of numbers: 250 before 10000. */
export const compareKeys = (a: RowError, b: RowError): number =>
  a.key.join().localeCompare(b.key.join(), 'en', { numeric: true });
