import { string } from 'valibot';
import type { Statements } from '../database/data-api.ts';
import { ownJson } from '../database/row-shape.ts';
import { type Sql, sql } from '../database/sql.ts';
import { ledger } from './names.ts';

/** How fast a migration was from one moment to the next that was kept, rests included. */
export interface Rate {
  /** The end of that time, in milliseconds since 1970. */
  readonly at: number;
  readonly rowsPerSecond: number;
}

/** As many points as are told apart in a line of the size of a word. A slice has four minutes at most, so they are four hours at most. */
const mostSamples = 60;

/**
 * A migration that rests for five seconds has a slice each time, and lanes end theirs within seconds of one another. With a minute between them,
 * the samples are an hour at least; while they are few, with less, so that a short migration has a line, too.
 */
const secondsApart = 60;
const shareApart = 1 / 15;

/**
 * A statement that keeps how many rows of a migration are done by now, and at first also how many were when its slice began.
 *
 * @param slices The name of a CTE of the migrations' lines whose slice has ended, with `name`, `total_processed`, `slice_started_at` and `slice_processed`.
 */
export function rateKept(slices: Sql): Sql {
  return sql`
    INSERT INTO ${ledger.rates} AS r (migration, samples)
    SELECT s.name, jsonb_build_array(jsonb_build_array(s.slice_started_at, s.slice_processed), jsonb_build_array(now(), s.total_processed))
    FROM ${slices} s
    ON CONFLICT (migration) DO UPDATE SET samples =
      CASE WHEN jsonb_array_length(r.samples) >= ${mostSamples} THEN r.samples - 0 ELSE r.samples END
        || jsonb_build_array(excluded.samples -> -1)
      WHERE now() - (r.samples #>> '{-1,0}')::timestamptz
        >= LEAST(${secondsApart} * interval '1 s', ${shareApart}::float8 * (now() - (r.samples #>> '{0,0}')::timestamptz))`;
}

/** A statement that forgets what was kept of the migrations which a CTE names, as what is over needs no rate. */
export function rateForgotten(names: Sql): Sql {
  return sql`DELETE FROM ${ledger.rates} r USING ${names} s WHERE r.migration = s.name`;
}

/** How fast the migrations under way were lately, by their names, the latest last. */
export async function ratesOf(
  database: Pick<Statements, 'query'>,
): Promise<ReadonlyMap<string, readonly Rate[]>> {
  const rows = await database.query(
    sql`SELECT r.migration, r.samples::text AS samples FROM ${ledger.rates} r`,
    { migration: string(), samples: ownJson<readonly Sample[]>() },
  );
  return new Map(rows.map(({ migration, samples }) => [migration, samples.flatMap(rate)]));
}

/** When, in ISO 8601, and the rows done by then. */
type Sample = readonly [at: string, done: number];

function rate([time, done]: Sample, i: number, all: readonly Sample[]): readonly Rate[] {
  const before = all[i - 1];
  if (before === undefined) {
    return [];
  }
  const at = Date.parse(time);
  const seconds = (at - Date.parse(before[0])) / 1_000;
  // The server's clock may have been set back.
  return seconds > 0 ? [{ at, rowsPerSecond: Math.max(done - before[1], 0) / seconds }] : [];
}
