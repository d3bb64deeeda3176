import type pg from 'pg';
import { handWrittenLoop } from './baselines.ts';

/** What batches in plain SQL do. */
export interface PlainBatches {
  readonly table: string;
  /** Rows of a batch: as many as the engine's have. */
  readonly size: number;
  /** Whether each changed row is looked at again: the engine asks whether it still matches its condition. */
  readonly looksAgain: boolean;
  /** Which rows, by their keys: those after one, up to another; all of them by default. */
  readonly after?: number;
  readonly upTo?: number;
}

/**
 * Where the limit of any backfill in batches is: the engine's statement without anything of the engine, from one connection, one after
 * another, with no way to a Data API, no ledger and no rest. Like the engine it finds the end of its page by the key's index, and does
 * not wait until its commit is on disk.
 */
export async function plainBatches(
  client: pg.Client,
  { table, size, looksAgain, after: first = 0, upTo }: PlainBatches,
): Promise<void> {
  const differs = `full_name IS DISTINCT FROM first_name || ' ' || last_name`;
  const end = upTo ?? lastId;
  const text = `
    WITH last AS MATERIALIZED (SELECT id FROM ${table} WHERE id > $1 AND id <= ${end} ORDER BY id OFFSET ${size - 1} LIMIT 1),
    changed AS (
      UPDATE ${table} SET full_name = first_name || ' ' || last_name
      WHERE id > $1 AND id <= COALESCE((SELECT id FROM last), ${end}) AND ${differs}
      RETURNING ${looksAgain ? differs : 'false'} AS still_matching
    )
    SELECT (SELECT id FROM last) AS last, count(*) FILTER (WHERE still_matching) AS still_matching FROM changed`;
  await client.query('SET synchronous_commit = off');
  try {
    for (let after: string | null = String(first); after !== null; ) {
      const { rows }: pg.QueryResult<{ last: string | null }> = await client.query(text, [after]);
      after = rows[0]?.last ?? null;
    }
  } finally {
    await client.query('RESET synchronous_commit');
  }
}

/** What two lanes of a backfill cannot be faster than: such batches from two connections, each with half of the rows. */
export async function plainBatchesInTwo(
  [one, other]: readonly [pg.Client, pg.Client],
  rows: number,
  batches: PlainBatches,
): Promise<void> {
  const half = Math.ceil(rows / 2);
  await Promise.all([
    plainBatches(one, { ...batches, upTo: half }),
    plainBatches(other, { ...batches, after: half }),
  ]);
}

/** What a rewrite that keeps two processors busy cannot be faster than: two hand-written loops, each with every other row. */
export async function handWrittenLoopInTwo(
  [one, other]: readonly [pg.Client, pg.Client],
  table: string,
): Promise<void> {
  const isEven = `right(id, 1) IN ('0', '2', '4', '6', '8')`;
  await Promise.all([handWrittenLoop(one, table, isEven), handWrittenLoop(other, table, `NOT ${isEven}`)]);
}

/** The largest value that a key of type bigint can have. */
const lastId = '9223372036854775807';
