import type pg from 'pg';
import type { ColumnType } from './types.ts';

/** What a table's column adds to what a result says of it. */
interface TableColumn {
  readonly table: string;
  readonly required: boolean;
  readonly generated: boolean;
}

/** `java.sql.ResultSetMetaData`: no NULLs, NULLs, not known. */
const nullability = { never: 0, maybe: 1, unknown: 2 } as const;

/** The `columnMetadata` of an answer. */
export async function columnMetadata(
  columns: readonly pg.FieldDef[],
  types: readonly ColumnType[],
  client: pg.ClientBase,
): Promise<object[]> {
  const found = await tableColumns(columns, client);
  return columns.map((column, index) => {
    const type = types[index] as ColumnType;
    const origin = found.get(`${column.tableID}.${column.columnID}`);
    return {
      arrayBaseColumnType: type.element?.jdbc ?? 0,
      isAutoIncrement: origin?.generated ?? false,
      isCaseSensitive: isCaseSensitive(type),
      isCurrency: false,
      isSigned: !type.element && (type.kind === 'long' || type.kind === 'double' || type.kind === 'decimal'),
      label: column.name,
      name: column.name,
      nullable: origin ? nullability[origin.required ? 'never' : 'maybe'] : nullability.unknown,
      precision: precisionOf(type, column.dataTypeModifier),
      scale: scaleOf(type, column.dataTypeModifier),
      schemaName: '',
      tableName: origin?.table ?? '',
      type: type.jdbc,
      typeName: origin?.generated ? (serials[type.name] ?? type.name) : type.name,
    };
  });
}

const serials: Readonly<Record<string, string>> = { int2: 'smallserial', int4: 'serial', int8: 'bigserial' };

function isCaseSensitive({ kind, element }: ColumnType): boolean {
  return element !== undefined || kind === 'text' || kind === 'blob' || kind === 'decimal';
}

/** Digits or characters that fit, as the JDBC driver of PostgreSQL counts them. */
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
const unlimited = 2 ** 31 - 1;
const modifierOffset = 4; // a type modifier counts its own four bytes

function precisionOf({ name }: ColumnType, modifier: number): number {
  if (modifier >= modifierOffset && (name === 'varchar' || name === 'bpchar')) {
    return modifier - modifierOffset;
  }
  if (modifier >= modifierOffset && name === 'numeric') {
    return (modifier - modifierOffset) >> 16;
  }
  return precisions[name] ?? unlimited;
}

function scaleOf({ name }: ColumnType, modifier: number): number {
  if (modifier >= modifierOffset && name === 'numeric') {
    return (modifier - modifierOffset) & 0xffff;
  }
  if (name === 'float4') {
    return 8;
  }
  if (name === 'float8') {
    return 17;
  }
  return name === 'time' || name === 'timestamp' || name === 'timestamptz' ? 6 : 0;
}

async function tableColumns(
  columns: readonly pg.FieldDef[],
  client: pg.ClientBase,
): Promise<Map<string, TableColumn>> {
  const fromTables = columns.filter(({ tableID }) => tableID !== 0);
  if (fromTables.length === 0) {
    return new Map();
  }
  const { rows } = await client.query<TableColumn & { key: string }>(
    `SELECT a.attrelid::text || '.' || a.attnum AS key, c.relname AS "table", a.attnotnull AS required,
            a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS generated
       FROM unnest($1::oid[], $2::int2[]) AS wanted (relation, number)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = wanted.relation AND a.attnum = wanted.number
       JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum`,
    [fromTables.map(({ tableID }) => tableID), fromTables.map(({ columnID }) => columnID)],
  );
  return new Map(rows.map((row) => [row.key, row]));
}
