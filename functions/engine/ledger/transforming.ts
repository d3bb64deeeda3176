import { nullable, number } from 'valibot';
import type { Database, Statements } from '../database/data-api.ts';
import { key as keyShape } from '../database/row-shape.ts';
import { sql } from '../database/sql.ts';
import type { Key } from '../database/table.ts';
import type { Checkpoint } from './checkpoint.ts';
import { ledger } from './names.ts';

/** What a `transform` that may wait is at: rows that come next, or one row. */
export interface Transforming {
  readonly rows: number;
  readonly key: Key | null;
}

type Place = Pick<Checkpoint, 'migration' | 'claim' | 'batches' | 'range'>;

const rangeOf = ({ range }: Pick<Checkpoint, 'range'>): number => range?.number ?? 0;

/**
 * Keeps in the ledger what is about to be transformed. JavaScript that loops behind an `await` cannot be broken off from inside: the Lambda is
 * ended with all it knows, and only what was kept before can tell the next invocation.
 *
 * @param at Where its batch begins. Does nothing if the claim is not ours any more.
 */
export async function keepTransforming(
  database: Statements,
  at: Place,
  { rows, key }: Transforming,
): Promise<void> {
  // Nobody waits for the disk: after a crash of the database there is nothing to remember.
  await database.execute(sql`
    WITH "settings#" AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO ${ledger.transforming} AS t (migration, range, batches, rows, key)
    SELECT m.name, ${rangeOf(at)}, ${at.batches}, ${rows}, ${key && JSON.stringify(key)}::jsonb
    FROM "settings#", ${ledger.migrations} m WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid
    ON CONFLICT (migration, range)
      DO UPDATE SET batches = excluded.batches, rows = excluded.rows, key = excluded.key, since = now()`);
}

/**
 * What an invocation was transforming here when it was ended, longer ago than a row may take: undefined if there was none, or its batch has
 * been committed. What was read ahead belongs to the batch after.
 */
export async function transformingWhenEnded(
  database: Database,
  at: Place,
  seconds: number,
): Promise<Transforming | undefined> {
  const [found] = await database.query(
    sql`
    SELECT t.rows, t.key::text AS key FROM ${ledger.transforming} t
    WHERE t.migration = ${at.migration} AND t.range = ${rangeOf(at)} AND t.since < now() - ${seconds} * interval '1 s'
      AND (t.batches = ${at.batches} OR t.batches = ${at.batches + 1} AND t.key IS NULL)`,
    { rows: number(), key: nullable(keyShape) },
  );
  return found;
}

/** Whether that is so in any range of a migration that lanes walk. */
export async function isAnyRangeSuspect(
  database: Database,
  { migration }: Place,
  seconds: number,
): Promise<boolean> {
  const [found] = await database.query(
    sql`
    SELECT count(*) AS ranges FROM ${ledger.transforming} t
    JOIN ${ledger.ranges} r ON r.migration = t.migration AND r.number = t.range
    WHERE t.migration = ${migration} AND NOT r.done AND t.batches IN (r.batches, r.batches + 1)
      AND t.since < now() - ${seconds} * interval '1 s'`,
    { ranges: number() },
  );
  return found !== undefined && found.ranges > 0;
}

/** Forgets what was transformed, since nothing was wrong with it: it came to its end, or its batch will not be done by this invocation. */
export async function forgetTransforming(database: Statements, at: Place): Promise<void> {
  await database.execute(sql`
    DELETE FROM ${ledger.transforming} t WHERE t.migration = ${at.migration} AND t.range = ${rangeOf(at)}`);
}
