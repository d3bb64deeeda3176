import { heldBy, move, moved } from './checkpoint.ts';
import {
  type Batch,
  checker,
  checkSql,
  type Migration,
  type Page,
  type RowOptions,
  rowMigration,
  type Work,
} from './migration.ts';
import { insidePage, lastKey, pageOf } from './page.ts';
import { cured, needy, recordedStillMatching, withRowErrors } from './row-errors.ts';
import { identifier, join, type Sql, sql } from './sql.ts';
import { namedKey } from './table.ts';

export interface BackfillOptions extends RowOptions {
  /** The new values, one SQL expression for each column, over the row as it is. */
  readonly set: Readonly<Record<string, Sql>>;
}

/**
 * A migration whose change is SQL: `UPDATE table SET … WHERE …`, in batches. Rows never leave the database. Throws
 * MigrationFailed for options that cannot work.
 */
export function backfill(options: BackfillOptions): Migration {
  const base = rowMigration(options);
  const columns = Object.keys(options.set);
  const check = checker(options.name);
  check(columns.length > 0, 'set', options.set, 'at least one column');
  check(
    !columns.some((column) => base.key.includes(column)),
    'set',
    columns,
    'columns outside the key, which the cursor needs',
  );
  for (const [column, value] of Object.entries(options.set)) checkSql(options.name, `set.${column}`, value);
  return {
    ...base,
    kind: 'backfill',
    columns,
    batch: (work, page) => batch(base.where, options.set, work, page),
  };
}

/** One statement: takes the page's keys, changes the rows among them that need it, moves the checkpoint. */
async function batch(
  where: Sql | undefined,
  set: BackfillOptions['set'],
  { database, table, at, seconds, secondsPerRow }: Work,
  page: Page,
): Promise<Batch | undefined> {
  const assignments = Object.entries(set).map(([column, value]) => sql`${identifier(column)} = ${value}`);
  const condition = where ?? sql`true`;
  const done = await move(
    database,
    at,
    sql`
    WITH ${heldBy(at)},
    ${pageOf(table, at, page)},
    changed AS (
      UPDATE ${table.name} SET ${join(assignments, ', ')}
      WHERE EXISTS (SELECT FROM held) AND ${insidePage(table, at, page)} AND ${needy(table, at, condition)}
      RETURNING ${namedKey(table)}, (${where ?? sql`false`}) AS still_matching
    ),
    done AS MATERIALIZED (
      SELECT count(*) AS updated, count(*) FILTER (WHERE still_matching) AS still_matching FROM changed
    )
    ${cured(table, at)},
    ${recordedStillMatching(table, at)},
    ${moved({
      cursor: sql`COALESCE(${lastKey(table)}, m.cursor)`,
      processed: at.pass === 1 ? sql`(SELECT page_rows FROM counted)` : sql`0`,
      updated: sql`(SELECT updated - still_matching FROM done)`,
      stillMatching: sql`(SELECT still_matching FROM done)`,
      seconds,
      secondsPerRow,
    })}
    SELECT moved.*, page_rows FROM moved, counted`,
  );
  if (!done) return undefined;
  const rows = Number(done.row.page_rows);
  const after = withRowErrors(done.at, done.at.stillMatching - at.stillMatching);
  return { at: after, rows, bytesPerRow: 0, passEnded: 'size' in page && rows < page.size };
}
