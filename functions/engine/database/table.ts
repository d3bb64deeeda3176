import { array, boolean, nullable, object, string } from 'valibot';
import { MigrationFailed } from '../errors.ts';
import type { Database } from './data-api.ts';
import { json, type RowOf } from './row-shape.ts';
import { identifier, join, regclass, type Sql, sql, tableName, unsafeSql } from './sql.ts';

/** How a column's values look in TypeScript: see `rewrite`. */
export type Form = 'json' | 'jsonb' | 'bytes' | 'boolean' | 'number' | 'text';

export interface Column {
  readonly name: string;
  /** The type as SQL writes it, with modifiers: `character varying(80)`. */
  readonly type: string;
  readonly form: Form;
  /** The database makes its values, and refuses any other: it is computed from other columns, or always an identity. */
  readonly isGenerated: boolean;
}

/** A table as a migration sees it: read from the catalog once per slice. */
export interface Table {
  /** The quoted name with its schema, so that a table called like one of our CTEs is still the table. */
  readonly name: Sql;
  /** The quoted name without a schema: how statements refer to the table's columns. */
  readonly alias: Sql;
  readonly key: readonly Column[];
  readonly columns: ReadonlyMap<string, Column>;
  /** A trigger of the table runs before each row is updated, and may leave rows as they were. */
  readonly hasBeforeTrigger: boolean;
  /**
   * A trigger runs after rows are updated, or a foreign key of a column that the migration names is checked then: behind all that a statement
   * can measure of itself, while its rows are locked.
   */
  readonly worksAfterUpdate: boolean;
  /** Policies of row-level security count for our role: it may be let read rows that it may not change. */
  readonly hasRowSecurity: boolean;
  /** The migration's own marker column, if it is there: true for rows that are done. */
  readonly marker: { readonly column: Sql; readonly left: Sql } | undefined;
}

/** A key as text, one string for each of its columns: how the ledger keeps cursors. */
export type Key = readonly string[];

/** What a migration needs of its table. */
export interface TableNeeds {
  readonly name: string;
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly marker?: string | undefined;
}

/**
 * Reads what a migration needs to know of its table, and checks that it can be walked by its key: the columns exist, and
 * the key has a unique index in this order and no NULLs. Throws MigrationFailed.
 */
export async function describeTable(database: Database, needs: TableNeeds): Promise<Table> {
  const { marker } = needs;
  const ofMarker = marker === undefined ? undefined : { column: marker, comment: markerComment(needs.name) };
  const found = await tableInCatalog(database, needs.table, ofMarker);
  const fail = (problem: string): never => {
    throw new MigrationFailed(`migration "${needs.name}", table ${needs.table}: ${problem}`);
  };
  if (!found) {
    return fail(
      'there is no such table; check the name, its schema and the search_path of the database user',
    );
  }
  if (found.kind !== 'r' && found.kind !== 'p') {
    fail(`is not a table (relkind ${found.kind}); only tables are migrated`);
  }

  if (found.has_children) {
    fail(
      'other tables inherit from it, and its rows include theirs, for which its key is not unique. Migrate each of these tables ' +
        'by itself; partitions of a partitioned table need nothing of the kind',
    );
  }

  const rows = found.columns ?? [];
  const columns = new Map(
    rows.map(({ name, type, base, generated }) => [
      name,
      { name, type, form: formOf(base), isGenerated: generated },
    ]),
  );
  const missing = [...needs.key, ...needs.columns].filter((column) => !columns.has(column));
  if (missing.length > 0) {
    fail(`has no column ${missing.join(', ')}; it has ${[...columns.keys()].join(', ')}`);
  }

  const nullable = needs.key.filter((column) => rows.some((row) => row.name === column && !row.not_null));
  if (nullable.length > 0) {
    fail(`the key column ${nullable.join(', ')} may be NULL, so rows could be missed`);
  }
  const uniqueKeys = found.unique_keys;
  if (!uniqueKeys.some((unique) => unique.join('\0') === needs.key.join('\0'))) {
    const known = uniqueKeys.map((unique) => `(${unique.join(', ')})`).join(', ') || 'none';
    fail(
      `has no unique index on (${needs.key.join(', ')}), so it cannot be walked in order; it has ${known}`,
    );
  }
  const alias = identifier(found.relation);
  return {
    name: identifier(found.schema, found.relation),
    alias,
    key: needs.key.map((column) => columns.get(column) as Column),
    columns,
    hasBeforeTrigger: found.has_before_trigger,
    worksAfterUpdate:
      found.has_after_trigger || needs.columns.some((column) => found.foreign_keys.includes(column)),
    hasRowSecurity: found.has_row_security,
    marker:
      marker !== undefined && found.has_marker
        ? { column: identifier(marker), left: sql`NOT ${alias}.${identifier(marker)}` }
        : undefined,
  };
}

/** What the catalog says of a table. */
export type TableInCatalog = RowOf<typeof described>;

/** A marker's column, and the comment without which it is somebody else's. */
interface MarkerColumn {
  readonly column: string;
  readonly comment: string;
}

/** Looks a table up, named as migrations name theirs; undefined where there is none of this name. */
export async function tableInCatalog(
  database: Pick<Database, 'query'>,
  table: string,
  marker?: MarkerColumn,
): Promise<TableInCatalog | undefined> {
  const [found] = await database.query(catalog(tableName(table), marker), described);
  return found;
}

/** The row of `catalog`. */
const described = {
  schema: string(),
  relation: string(),
  kind: string(),
  has_children: boolean(),
  has_before_trigger: boolean(),
  has_after_trigger: boolean(),
  has_row_security: boolean(),
  has_marker: boolean(),
  /** The columns that are in any. */
  foreign_keys: json(array(string())),
  /** NULL for a table without columns. */
  columns: nullable(
    json(
      array(
        object({
          name: string(),
          type: string(),
          /** The type's own name, of a domain the one below it. */
          base: string(),
          not_null: boolean(),
          generated: boolean(),
        }),
      ),
    ),
  ),
  /** The columns of each unique index, the primary key's first. */
  unique_keys: json(array(array(string()))),
};

// The database compares the marker's comment: those of all columns may be too much for a row of a result.
const catalog = (table: Sql, marker: MarkerColumn | undefined): Sql => sql`
  SELECT n.nspname::text AS schema, c.relname::text AS relation, c.relkind::text AS kind,
    c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS has_children,
    -- Of pg_trigger.tgtype, 1 is for each row, 2 before, 16 on update, 64 instead; a partition may have triggers of its own.
    EXISTS (
      SELECT FROM pg_trigger t WHERE t.tgtype & 19 = 19 AND t.tgenabled <> 'D' AND t.tgrelid IN (
        SELECT c.oid UNION ALL SELECT part.relid FROM pg_partition_tree(c.oid) AS part)) AS has_before_trigger,
    EXISTS (
      SELECT FROM pg_trigger t WHERE t.tgtype & 82 = 16 AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgrelid IN (
        SELECT c.oid UNION ALL SELECT part.relid FROM pg_partition_tree(c.oid) AS part)) AS has_after_trigger,
    row_security_active(c.oid) AS has_row_security,
    EXISTS (
      SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ${marker?.column ?? null}::text
        AND col_description(c.oid, a.attnum) = ${marker?.comment ?? null}::text) AS has_marker,
    COALESCE((SELECT json_agg(DISTINCT a.attname)
      FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)
      WHERE f.conrelid = c.oid AND f.contype = 'f'), '[]')::text AS foreign_keys,
    (SELECT json_agg(json_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'base', COALESCE(base.typname, t.typname),
        'not_null', a.attnotnull,
        'generated', a.attgenerated <> '' OR a.attidentity = 'a') ORDER BY a.attnum)
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_type base ON base.oid = NULLIF(t.typbasetype, 0)
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns,
    COALESCE((SELECT json_agg((
        SELECT json_agg(a.attname ORDER BY k.place)
        FROM unnest(string_to_array(i.indkey::text, ' ')::smallint[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.place <= i.indnkeyatts) ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid)
      FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL),
      '[]')::text AS unique_keys
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${regclass(table)}`;

/** How values of a type look in TypeScript, by the type's own name: `base` in the catalog. */
export function formOf(type: string): Form {
  if (type === 'json' || type === 'jsonb') {
    return type;
  }
  if (type === 'bytea') {
    return 'bytes';
  }
  if (type === 'bool') {
    return 'boolean';
  }
  return /^(int2|int4|float4|float8)$/.test(type) ? 'number' : 'text';
}

/** The key's columns in this table: `"users"."id"`. */
export function keyColumns(table: Table): Sql[] {
  return table.key.map(({ name }) => sql`${table.alias}.${identifier(name)}`);
}

/** The key's columns under names of their own, for a CTE: `"users"."id" AS "k#0"`. */
export function namedKey(table: Table): Sql {
  return join(
    keyColumns(table).map((column, i) => sql`${column} AS ${keyName(i)}`),
    ', ',
  );
}

/** The name of the key's column `i` in a CTE; `#` keeps it apart from any sane column of a table. */
export function keyName(i: number): Sql {
  return identifier(`k#${i}`);
}

/** The name of a rewritten column `i` while its values travel. */
export function valueName(i: number): Sql {
  return identifier(`v#${i}`);
}

/** All of the key's names in a CTE, in order. */
export function keyNames(table: Table): Sql[] {
  return table.key.map((_, i) => keyName(i));
}

/** A key as jsonb, an array of texts: `jsonb_build_array("users"."id"::text)`. */
export function keyAsJson(parts: readonly Sql[]): Sql {
  return sql`jsonb_build_array(${join(
    parts.map((part) => sql`${part}::text`),
    ', ',
  )})`;
}

/** A key that came as text, as values of the key's types. */
export function keyValues(table: Table, key: Key): Sql[] {
  return table.key.map(({ type }, i) => sql`${key[i] ?? null}::${unsafeSql(type)}`);
}

/** A key that is an array of texts in jsonb, as values of the key's types. */
export function keyValuesIn(table: Table, array: Sql): Sql[] {
  return table.key.map(({ type }, i) => sql`(${array} ->> ${unsafeSql(`${i}`)})::${unsafeSql(type)}`);
}

/**
 * What a marker column says of itself in the catalog. A column without it is somebody else's, whatever its name: it is
 * neither believed, nor set, nor dropped.
 */
export function markerComment(migration: string): string {
  return `Marker of the data migration ${migration}, whose clean-up drops it`;
}

/** The assignment that marks a row as done, where the table has a marker. */
export function marked({ marker }: Table): Sql[] {
  return marker === undefined ? [] : [sql`${marker.column} = true`];
}

/** Compares keys in the order of their index: `("a", "b") > (1, 'x')`. */
export function compare(left: readonly Sql[], operator: '>' | '<' | '<=' | '=', right: readonly Sql[]): Sql {
  return sql`(${join(left, ', ')}) ${unsafeSql(operator)} (${join(right, ', ')})`;
}
