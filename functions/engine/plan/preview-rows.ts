import { needsChange } from '../batch/rows-in-need.ts';
import { join, type Sql, sql } from '../database/sql.ts';
import { compare, describeTable, type Key, keyColumns, keyValues, type Table } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { columnsNeeded } from '../define/row-options.ts';
import { hasMarker, markerState } from '../marker/marker-state.ts';
import type { Sandbox } from '../trial/rollback-sandbox.ts';
import { type Trial, tryOut } from '../trial/trial.ts';
import { checkValidations } from '../validate/validation-query.ts';
import { type Ahead, goesOn, type LedgerLine } from './ledger-line.ts';
import { countRows, type RowCount } from './row-count.ts';

/** The rows that a run would go through. */
export interface RowPreview {
  /** Rows that the walk has ahead of it; with a marker, those of them that are not marked yet. */
  readonly toLookAt: RowCount;
  /** Rows among them that need the change. */
  readonly toChange: RowCount;
  /** The run adds the marker column first, and so writes every row once. */
  readonly addsMarker: boolean;
  /** What became of the rows that were tried; undefined if trying them failed. */
  readonly trial?: Trial;
}

/**
 * Counts the rows that are left of a migration, and tries it on some of them. `failure` is what kept it from trying any.
 * Throws what a run would fail with before its first batch: MigrationFailed for a table, marker or validation that is wrong.
 */
export async function previewRows(
  sandbox: Sandbox,
  migration: RowMigration,
  line: LedgerLine | undefined,
): Promise<{ readonly rows: RowPreview; readonly failure?: unknown }> {
  const { database } = sandbox;
  if (hasMarker(migration)) {
    await markerState(database, migration);
  }
  const table = await describeTable(database, { ...migration, columns: columnsNeeded(migration) });
  await checkValidations(database, migration, table);
  const { left, leftInNeed } = conditions(migration, table, line);
  const toLookAt = await countRows(database, table, left);
  const rows = {
    toLookAt,
    toChange: leftInNeed === undefined ? toLookAt : await countRows(database, table, leftInNeed),
    addsMarker: migration.marker !== undefined && table.marker === undefined,
  };
  try {
    return { rows: { ...rows, trial: await tryOut(sandbox, migration, table) } };
  } catch (failure) {
    return { rows, failure };
  }
}

/** Which rows are left, and which of them need the change; undefined where all of them do. */
function conditions(
  { where }: RowMigration,
  table: Table,
  line: LedgerLine | undefined,
): { readonly left: Sql; readonly leftInNeed: Sql | undefined } {
  const { ahead, pass } = goesOn(line) ? line : { ahead: [{ cursor: null, until: null }], pass: 1 };
  const inReach = ahead.length === 0 ? sql`false` : sql`(${join(ahead.map(rangeOf(table)), ' OR ')})`;
  const left = pass === 1 && table.marker !== undefined ? sql`${inReach} AND ${table.marker.left}` : inReach;
  return {
    left,
    leftInNeed: where === undefined ? undefined : sql`${left} AND (${needsChange(table, where, pass === 1)})`,
  };
}

const rangeOf =
  (table: Table) =>
  ({ cursor, until }: Ahead): Sql => {
    const bound = (comparison: '>' | '<=', key: Key | null) =>
      key === null ? sql`true` : compare(keyColumns(table), comparison, keyValues(table, key));
    return sql`${bound('>', cursor)} AND ${bound('<=', until)}`;
  };
