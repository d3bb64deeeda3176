import { boolean, nullable, number, string } from 'valibot';
import type { Lane } from '../../contract.ts';
import { aheadOf } from '../batch/page.ts';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql, textOf, unsafeSql, withCtes } from '../database/sql.ts';
import { keyAsJson, keyColumns, keyNames, namedKey, type Table } from '../database/table.ts';
import { type Checkpoint, lineOf, type Range, reload } from '../ledger/checkpoint.ts';
import { heldBy, move, moved } from '../ledger/move.ts';
import { ledger } from '../ledger/names.ts';
import { sharesOf } from './shares.ts';

// Enough that a range of a hundredth of the rows is right within a tenth of it, few enough to be read in well under a second.
const sampledPages = 300;

/**
 * Cuts what a walk has ahead of it into ranges, by the keys of sampled pages: keys of any type and number of columns, without a look at
 * all of them. Undefined if the claim or the checkpoint was not ours any more.
 *
 * @param lanes How many are to walk them.
 * @param batchRows How many rows a batch has.
 */
export async function cutRanges(
  database: Database,
  table: Table,
  at: Checkpoint,
  lanes: number,
  batchRows: number,
): Promise<Checkpoint | undefined> {
  const shares = sharesOf(lanes, (at.rowsKnown - at.totalProcessed) / batchRows);
  const ends = shares.slice(0, -1).map((_, i) => shares.slice(0, i + 1).reduce((sum, share) => sum + share));
  const columns = join(keyColumns(table), ', ');
  const percent = Math.min(100, (100 * sampledPages) / Math.max(1, await pagesOf(database, table)));
  const statement = withCtes(
    [
      heldBy(at),
      sql`
    "sample#" AS MATERIALIZED (
      SELECT ${namedKey(table)}, row_number() OVER (ORDER BY ${columns}) AS "place#"
      FROM ${table.name} TABLESAMPLE SYSTEM (${unsafeSql(String(percent))}) WHERE ${aheadOf(table, at)}
    )`,
      sql`
    "end#" AS (
      SELECT "place#", ${keyAsJson(keyNames(table))} AS key FROM "sample#" WHERE "place#" IN (
        SELECT GREATEST(1, round(part::float8 * (SELECT count(*) FROM "sample#")))::bigint
        FROM jsonb_array_elements_text(${JSON.stringify(ends)}::jsonb) AS "share#" (part)
      )
    )`,
      sql`
    "cut#" AS (
      INSERT INTO ${ledger.ranges} (migration, number, batches, cursor, until)
      SELECT name, row_number() OVER "in_order#", ${at.batches}, COALESCE(lag(key) OVER "in_order#", ${cursorOf(at)}), key
      FROM "held#", (SELECT "place#", key FROM "end#" UNION ALL SELECT NULL, NULL) AS "until#"
      WINDOW "in_order#" AS (ORDER BY "place#" NULLS LAST)
    )`,
      moved(at, {}),
    ],
    sql`SELECT * FROM "moved#"`,
  );
  const done = await move(database, at, statement);
  return done && { ...done.at, lanes };
}

const cursorOf = ({ cursor }: Checkpoint): Sql =>
  sql`${cursor === null ? null : JSON.stringify(cursor)}::jsonb`;

/** How many pages a table has, its partitions included. */
async function pagesOf(database: Database, table: Table): Promise<number> {
  const [size] = await database.query(
    sql`
    SELECT (COALESCE(sum(pg_relation_size(c.oid)), 0) / current_setting('block_size')::integer)::float8 AS pages
    FROM pg_class c WHERE c.oid = to_regclass(${textOf(table.name)})
      OR c.oid IN (SELECT part.relid FROM pg_partition_tree(to_regclass(${textOf(table.name)})) AS part)`,
    { pages: number() },
  );
  return size?.pages ?? 0;
}

/**
 * Takes the next range for a lane: its own from before, one that nobody has, or one of a lane that there is no more. The range that it
 * comes from is done with. `none`: there are no more. `lost`: another invocation has it, or the migration's claim.
 *
 * @param at Where the lane stands at the end of its range; or the migration's own checkpoint, before its first.
 */
export async function nextRange(
  database: Database,
  at: Checkpoint,
  lane: Lane,
): Promise<Checkpoint | 'none' | 'lost'> {
  const before = at.range?.number ?? 0;
  const ended =
    at.range === undefined
      ? sql`"ended#" AS (SELECT FROM ${lineOf(at)})`
      : sql`"ended#" AS (
      UPDATE ${lineOf(at, sql`SET done = true, claim = NULL`)} AND m.batches = ${at.batches} RETURNING m.number
    )`;
  const [row] = await database.query(
    sql`
    WITH ${ended}, "next#" AS MATERIALIZED (
      SELECT r.number FROM ${ledger.ranges} r JOIN ${ledger.migrations} m ON m.name = r.migration
      WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid AND EXISTS (SELECT FROM "ended#")
        AND NOT r.done AND r.number <> ${before} AND (r.lane IS NULL OR r.lane = ${lane.number} OR r.lane >= ${lane.of})
      ORDER BY r.lane = ${lane.number} DESC NULLS LAST, r.number LIMIT 1 FOR UPDATE OF r SKIP LOCKED
    ), "taken#" AS (
      UPDATE ${ledger.ranges} r SET lane = ${lane.number}, claim = gen_random_uuid()
      FROM "next#" WHERE r.migration = ${at.migration} AND r.number = "next#".number
      RETURNING r.number, r.claim::text AS claim, r.until::text AS until
    )
    SELECT EXISTS (SELECT FROM "ended#") AS ended, "taken#".* FROM (SELECT) AS always LEFT JOIN "taken#" ON true`,
    { ended: boolean(), number: nullable(number()), claim: nullable(string()), until: nullable(key) },
  );
  if (row === undefined || !row.ended) {
    return 'lost';
  }
  const { number: taken, claim, until } = row;
  if (taken === null || claim === null) {
    return 'none';
  }
  const range: Range = { number: taken, claim, until };
  return (await reload(database, { ...at, range })) ?? 'lost';
}

/**
 * Makes one walk of the ranges again, which is at its end: undefined unless all of them are done, and the claim is ours.
 *
 * @param at The migration's own checkpoint.
 */
export async function joinRanges(database: Database, at: Checkpoint): Promise<Checkpoint | undefined> {
  const statement = withCtes(
    [
      heldBy(at),
      sql`
    "joined#" AS (
      DELETE FROM ${ledger.ranges} r USING "held#" WHERE r.migration = "held#".name
        AND NOT EXISTS (SELECT FROM ${ledger.ranges} other WHERE other.migration = r.migration AND NOT other.done)
      RETURNING r.number, r.cursor
    )`,
      moved(at, {
        cursor: sql`COALESCE((SELECT cursor FROM "joined#" ORDER BY number DESC LIMIT 1), m.cursor)`,
      }),
    ],
    sql`SELECT "moved#".*, (SELECT count(*) FROM "joined#") AS joined FROM "moved#"`,
  );
  const done = await move(database, at, statement, { joined: number() });
  return done && done.row.joined > 0 ? { ...done.at, lanes: 0 } : undefined;
}
