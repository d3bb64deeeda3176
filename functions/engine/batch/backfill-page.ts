import { number } from 'valibot';
import { identifier, join, type Sql, sql, unsafeSql, when, withCtes } from '../database/sql.ts';
import { compare, keyColumns, keyNames, marked, namedKey, type Table } from '../database/table.ts';
import type { Batch, BatchInput, Page } from '../define/batch.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { heldBy, move, moved } from '../ledger/move.ts';
import { recordedRefused, solved, updatedUnlessMatching, withRowErrors } from '../ledger/row-errors.ts';
import type { RowByRow } from './bad-rows.ts';
import { inKeyOrder, insidePage, lastKey, pageOf, processedOf } from './page.ts';
import { takenBy, takenInside } from './rows-in-need.ts';
import { timeOf } from './statement-time.ts';
import { before, countJournaled, journaled } from './undo-journal.ts';

/** What a backfill does to a row. */
export interface BackfillChange {
  readonly where: Sql | undefined;
  /** One SQL expression for each column that changes. */
  readonly set: Readonly<Record<string, Sql>>;
  readonly journal: boolean;
}

/** Migrates a page by one statement: takes the page's keys, changes the rows among them that need it, moves the checkpoint. */
export async function backfillPage(
  change: BackfillChange,
  input: BatchInput,
  page: Page,
): Promise<Batch | undefined> {
  const { database, table, at, seconds, secondsPerRow } = input;
  const behind = 'keys' in page;
  // Unless a key of one column has an end on both sides, the planner takes the page for a third of the table, and may read
  // all of it; where the rows are read first, they are limited.
  const unbounded = at.cursor === null || table.key.length > 1;
  const readsFirst = change.journal || table.marker !== undefined || unbounded || table.hasBeforeTrigger;
  const done = await move(
    database,
    at,
    withCtes(
      [
        heldBy(at),
        ...pageOf(table, at, page),
        ...(readsFirst ? changedAfterReading(change, table, at, page) : [changed(change, table, at, page)]),
        sql`
        "done#" AS MATERIALIZED (
          SELECT count(*) ${when(readsFirst, sql`FILTER (WHERE "changed#")`)} AS updated,
            count(*) FILTER (WHERE still_matching) AS still_matching
          FROM "changed_rows#"
        )`,
        ...solved(table, at),
        ...(change.journal ? [journaled(table, at)] : []),
        ...(table.hasBeforeTrigger ? [recordedRefused(table, at, differs(change, table))] : []),
        moved(at, {
          ...(!behind && { cursor: sql`COALESCE(${lastKey(table)}, m.cursor)` }),
          processed: processedOf(table, at, page, sql`(SELECT page_rows FROM "counted#")`),
          updated: updatedUnlessMatching,
          seconds,
          secondsPerRow,
          ...(change.journal && { after: countJournaled }),
        }),
      ],
      sql`
      SELECT "moved#".*, page_rows,
        ${table.hasBeforeTrigger ? sql`(SELECT count(*) FROM "refused#")` : sql`0`} AS refused
      FROM "moved#", "counted#"`,
    ),
    { page_rows: number(), refused: number() },
  );
  if (!done) {
    return undefined;
  }
  const { page_rows: rows, refused } = done.row;
  const after = withRowErrors(done.at, refused);
  const passEnded = 'size' in page && rows < page.size;
  return { at: after, rows, ...timeOf(table, done), bytesPerRow: 0, passEnded };
}

/** Whether the change makes a row different; undefined if it surely does, since it then is marked, or no longer matches `where`. */
function differs({ where, set }: BackfillChange, table: Table): Sql | undefined {
  if (where !== undefined || table.marker !== undefined) {
    return undefined;
  }
  const changes = Object.entries(set).map(([name, value]) => {
    const type = unsafeSql(table.columns.get(name)?.type ?? '');
    return sql`${table.alias}.${identifier(name)}::text IS DISTINCT FROM (${value})::${type}::text`;
  });
  return sql`(${join(changes, ' OR ')})`;
}

/** The change where nothing but the new values is asked for. */
function changed({ where, set }: BackfillChange, table: Table, at: Checkpoint, page: Page): Sql {
  return sql`
    "changed_rows#" AS (
      UPDATE ${table.name} SET ${assigned(set, table)}
      WHERE EXISTS (SELECT FROM "held#") AND ${takenInside(page, table, at, where)}
      RETURNING ${namedKey(table)}, (${where ?? sql`false`}) AS still_matching
    )`;
}

/**
 * The change where its rows are read, and locked, first: because the values before it are needed, for the journal, and only
 * PostgreSQL 18 has the old row in RETURNING; because a marked row may have had nothing to change; because a trigger may
 * refuse the change of a row; or for the plan's sake.
 */
function changedAfterReading(
  { where, set, journal }: BackfillChange,
  table: Table,
  at: Checkpoint,
  page: Page,
): Sql[] {
  const mayStay = table.marker !== undefined && where !== undefined;
  return [
    sql`
    "old#" AS MATERIALIZED (
      SELECT ${namedKey(table)}, ${mayStay ? sql`COALESCE((${where ?? null}), false)` : sql`true`} AS "changed#"
        ${when(journal, sql`, ${before(table, Object.keys(set))}`)}
      FROM ${table.name}
      WHERE EXISTS (SELECT FROM "held#") AND ${takenInside(page, table, at, where)}
      ${inKeyOrder(table, page)}
      FOR UPDATE
    )`,
    sql`
    "changed_rows#" AS (
      UPDATE ${table.name} SET ${assigned(set, table, mayStay ? sql`"changed#"` : undefined)}
      FROM "old#" WHERE ${compare(keyColumns(table), '=', keyNames(table))}
      RETURNING "old#".*, "changed#" AND (${where ?? sql`false`}) AS still_matching
    )`,
  ];
}

/** What a row becomes: with a condition for those that need it, the others are only marked. */
function assigned(set: BackfillChange['set'], table: Table, needed?: Sql): Sql {
  const values = Object.entries(set).map(([name, value]) => {
    const column = identifier(name);
    const own = sql`${table.alias}.${column}`;
    return sql`${column} = ${needed ? sql`CASE WHEN (${needed}) THEN ${value} ELSE ${own} END` : value}`;
  });
  return join([...values, ...marked(table)], ', ');
}

/** The page as rows to try one by one. */
export function rowByRow({ where, set }: BackfillChange, table: Table, at: Checkpoint, page: Page): RowByRow {
  const mayStay = table.marker !== undefined && where !== undefined;
  return {
    table,
    // Whether they need the change is looked at one by one, too: that itself may be what fails.
    rows: withCtes(
      pageOf(table, at, page),
      sql`SELECT ${namedKey(table)} FROM ${table.name} WHERE ${insidePage(table, at, page)} ${inKeyOrder(table, page)}`,
    ),
    change: (row) => ({
      update: sql`
        UPDATE ${table.name} SET ${assigned(set, table, mayStay ? where : undefined)}
        WHERE ${compare(
          keyColumns(table),
          '=',
          keyNames(table).map((name) => sql`${row}.${name}`),
        )}
          AND ${takenBy(page, table, at, where)}`,
      matches: where ?? sql`false`,
    }),
  };
}
