import { boolean, nullable, number, object, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { json } from '../database/row-shape.ts';
import { identifier, regclass, sql, tableName, textOf } from '../database/sql.ts';
import { markerComment } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';

/** A migration with a marker. */
export type Marked = RowMigration & { readonly marker: string };

export function hasMarker(migration: RowMigration): migration is Marked {
  return migration.marker !== undefined;
}

/** The index on the rows that are left. A migration's name has up to 60 characters, PostgreSQL's names 63. */
export const markerIndex = (migration: string): string => `${migration}_ix`;

/** What the catalog says of a migration's marker. */
export interface MarkerState {
  readonly schema: string;
  readonly table: string;
  /** The column is there. */
  readonly column: boolean;
  readonly index: 'none' | 'invalid' | 'valid';
  /** A statement that makes the index, or drops it, is under way. */
  readonly build: Build | undefined;
}

interface Build {
  readonly seconds: number;
  /** How far it is, in words. */
  readonly how: string;
}

/** Looks at a migration's marker; undefined if there is no such table. Throws MigrationFailed if it cannot have one. */
export async function markerState(database: Database, migration: Marked): Promise<MarkerState | undefined> {
  const { name, table, key, marker } = migration;
  const index = markerIndex(name);
  // A build goes on after its call was given up. It is found by its statement, which is active until it has committed.
  const [found] = await database.query(
    sql`
    SELECT n.nspname::text AS schema, c.relname::text AS relation, c.relkind::text AS kind, c.relispartition AS is_partition,
      a.attname IS NOT NULL AS has_column, col_description(c.oid, a.attnum) AS comment,
      concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
        'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS definition,
      x.oid IS NOT NULL AS has_index, COALESCE(i.indisvalid, false) AS is_valid,
      COALESCE(i.indrelid = c.oid AND pg_get_expr(i.indpred, i.indrelid) = format('(NOT %I)', ${marker}::text)
        AND (
          SELECT json_agg(k.attname ORDER BY k.attnum) FROM pg_attribute k WHERE k.attrelid = i.indexrelid
        )::jsonb = ${JSON.stringify(key)}::jsonb, false) AS fits,
      CASE WHEN i.indisvalid THEN NULL ELSE (
        SELECT jsonb_build_object(
          'seconds', extract(epoch FROM now() - s.query_start),
          'how', concat_ws(', ', p.phase, 100 * p.blocks_done / NULLIF(p.blocks_total, 0) || ' %',
            'waits for process ' || NULLIF(p.current_locker_pid, 0)))
        FROM pg_stat_activity s LEFT JOIN pg_stat_progress_create_index p ON p.pid = s.pid
        WHERE s.datname = current_database() AND s.state = 'active' AND s.pid <> pg_backend_pid()
          AND s.query ~ '(CREATE|DROP) INDEX CONCURRENTLY' AND strpos(s.query, ${textOf(identifier(index))}) > 0
        LIMIT 1)::text END AS build
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = ${marker} AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_class x ON x.relnamespace = c.relnamespace AND x.relname = ${index}
    LEFT JOIN pg_index i ON i.indexrelid = x.oid
    WHERE c.oid = ${regclass(tableName(table))}`,
    {
      schema: string(),
      relation: string(),
      kind: string(),
      is_partition: boolean(),
      has_column: boolean(),
      comment: nullable(string()),
      definition: string(),
      has_index: boolean(),
      is_valid: boolean(),
      fits: boolean(),
      build: nullable(json(object({ seconds: number(), how: string() }))),
    },
  );
  if (found === undefined) {
    return undefined;
  }
  const fail = (problem: string): never => {
    throw new MigrationFailed(`migration "${name}", marker, table ${table}: ${problem}`);
  };

  if (found.has_column) {
    if (found.definition !== 'boolean NOT NULL DEFAULT false') {
      fail(
        `has a column ${marker} already, ${found.definition}; a marker is boolean NOT NULL DEFAULT false. Choose another name`,
      );
    }
    if (found.comment !== markerComment(name)) {
      fail(
        `has a column ${marker} already, and rows where that is true would count as done. Choose another name; or, if the ` +
          `column was made for this migration: COMMENT ON COLUMN … IS '${markerComment(name)}'`,
      );
    }
  }
  if (found.has_index && !found.fits) {
    fail(
      `there is something else called "${index}" already, not an index on (${key.join(', ')}) WHERE NOT ${marker}. Drop or ` +
        'rename it',
    );
  }
  const isValid = found.has_column && found.is_valid;
  if (!isValid && found.kind === 'p') {
    fail(
      'is partitioned, and PostgreSQL builds no index concurrently on all partitions: writers would have to wait for it. ' +
        'Leave "marker" away',
    );
  }
  if (!isValid && found.is_partition) {
    fail('is a partition, which gets no columns of its own. Leave "marker" away');
  }
  return {
    schema: found.schema,
    table: found.relation,
    column: found.has_column,
    index: found.has_index ? (found.is_valid ? 'valid' : 'invalid') : 'none',
    build: found.build ?? undefined,
  };
}
