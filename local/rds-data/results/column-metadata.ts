import type pg from 'pg';
import type { ColumnType } from './column-types.ts';
import type { ResultColumn } from './result-columns.ts';

/** `java.sql.ResultSetMetaData`: the column has no NULLs, may have some, or is not known. */
const nullability = { noNulls: 0, nullable: 1, unknown: 2 } as const;

/** The type's name of a column that takes its values from a sequence. */
const serialTypes: Readonly<Record<string, string>> = {
  int2: 'smallserial',
  int4: 'serial',
  int8: 'bigserial',
};

/**
 * The tables' columns of one database, as far as results had them, by `<table's id>.<column's number>`. The driver keeps them, too
 * (its `databaseMetadataCacheFields`).
 */
export type KnownColumns = Map<string, TableColumn>;

/** The database that a result is from. */
interface MetadataSource {
  readonly client: pg.ClientBase;
  /** Gets what only the catalog knows of its tables' columns. */
  readonly columns: KnownColumns;
}

/** The `columnMetadata` of a response, as the JDBC driver of PostgreSQL answers it. */
export async function columnMetadata(
  columns: readonly ResultColumn[],
  source: MetadataSource,
): Promise<readonly object[]> {
  await lookUp(columns, source);
  return columns.map(({ field, type }) => {
    const origin = source.columns.get(keyOf(field));
    const isGenerated = origin?.generated ?? false;
    return {
      arrayBaseColumnType: type.element?.jdbcType ?? 0,
      isAutoIncrement: isGenerated,
      isCaseSensitive: isCaseSensitive(type),
      isCurrency: false,
      isSigned: isSigned(type),
      label: field.name,
      name: field.name,
      nullable: nullabilityOf(origin),
      precision: precisionOf(type, field.dataTypeModifier),
      scale: scaleOf(type, field.dataTypeModifier),
      schemaName: '',
      tableName: origin?.table ?? '',
      type: type.jdbcType,
      typeName: isGenerated ? (serialTypes[type.name] ?? type.name) : type.name,
    };
  });
}

function nullabilityOf(origin: TableColumn | undefined): number {
  if (origin === undefined) {
    return nullability.unknown;
  }
  return origin.required ? nullability.noNulls : nullability.nullable;
}

function isCaseSensitive({ kind, element }: ColumnType): boolean {
  return element !== undefined || kind === 'text' || kind === 'blob' || kind === 'decimal';
}

function isSigned({ kind, element }: ColumnType): boolean {
  return !element && (kind === 'long' || kind === 'double' || kind === 'decimal');
}

/** How many digits or characters a value has, by the type's name. */
const precisions: Readonly<Record<string, number>> = {
  bool: 1,
  int2: 5,
  int4: 10,
  int8: 19,
  oid: 10,
  float4: 8,
  float8: 17,
  numeric: 0,
  date: 13,
  time: 15,
  timestamp: 29,
  timestamptz: 35,
};

/** Types without a length, such as text, are as long as Java's longest string. */
const unlimited = 2 ** 31 - 1;

/** How many digits of a value stand behind the point. Times have microseconds. */
const scales: Readonly<Record<string, number>> = {
  float4: 8,
  float8: 17,
  time: 6,
  timestamp: 6,
  timestamptz: 6,
};

/** PostgreSQL adds the four bytes of a length word to a type's modifier. -1 means that there is none. */
const modifierOffset = 4;

/** `varchar(20)` has 20; `numeric(10, 2)` has 10, in the modifier's upper half. */
function precisionOf({ name }: ColumnType, modifier: number): number {
  if (modifier >= modifierOffset && (name === 'varchar' || name === 'bpchar')) {
    return modifier - modifierOffset;
  }
  if (modifier >= modifierOffset && name === 'numeric') {
    return (modifier - modifierOffset) >> 16;
  }
  return precisions[name] ?? unlimited;
}

/** `numeric(10, 2)` has 2, in the modifier's lower half. */
function scaleOf({ name }: ColumnType, modifier: number): number {
  if (modifier >= modifierOffset && name === 'numeric') {
    return (modifier - modifierOffset) & 0xffff;
  }
  return scales[name] ?? 0;
}

/** What the catalog knows of a table's column, beyond what a result says. */
export interface TableColumn {
  readonly table: string;
  /** NOT NULL. */
  readonly required: boolean;
  /** It takes its values from a sequence. */
  readonly generated: boolean;
}

const keyOf = ({ tableID, columnID }: pg.FieldDef): string => `${tableID}.${columnID}`;

async function lookUp(
  columns: readonly ResultColumn[],
  { client, columns: known }: MetadataSource,
): Promise<void> {
  const missing = columns
    .map(({ field }) => field)
    .filter((field) => field.tableID !== 0 && !known.has(keyOf(field)));
  if (missing.length === 0) {
    return;
  }
  const { rows } = await client.query<TableColumn & { key: string }>(
    `SELECT a.attrelid::text || '.' || a.attnum AS key, c.relname AS "table", a.attnotnull AS required,
            a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS generated
       FROM unnest($1::oid[], $2::int2[]) AS wanted (relation, number)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = wanted.relation AND a.attnum = wanted.number
       JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum`,
    [missing.map(({ tableID }) => tableID), missing.map(({ columnID }) => columnID)],
  );
  for (const { key, ...column } of rows) {
    known.set(key, column);
  }
}
