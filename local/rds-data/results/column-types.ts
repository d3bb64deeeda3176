/** How a type's values are written in a response. */
export type Kind = 'boolean' | 'long' | 'double' | 'decimal' | 'text' | 'blob' | 'time' | 'timestamptz';

/** A type of PostgreSQL that the service returns. */
export interface ColumnType {
  /** PostgreSQL's name for it: `int4`, and `_int4` for an array. */
  readonly name: string;
  readonly kind: Kind;
  /** JDBC's number for it (`java.sql.Types`), which the service gives in a result's metadata. */
  readonly jdbcType: number;
  /** The type of an array's elements; absent for any other type. */
  readonly element?: ColumnType;
}

const jdbc = {
  ARRAY: 2003,
  BIGINT: -5,
  BINARY: -2,
  BIT: -7,
  CHAR: 1,
  DATE: 91,
  DOUBLE: 8,
  INTEGER: 4,
  NUMERIC: 2,
  OTHER: 1111,
  REAL: 7,
  SMALLINT: 5,
  TIME: 92,
  TIMESTAMP: 93,
  VARCHAR: 12,
} as const;

function scalar(name: string, kind: Kind, jdbcType: number): ColumnType {
  return { name, kind, jdbcType };
}

/** A type that JDBC has no number for, such as uuid. Its values are text. */
export function otherType(name: string): ColumnType {
  return scalar(name, 'text', jdbc.OTHER);
}

export const textType = scalar('text', 'text', jdbc.VARCHAR);

/** An enum of the user's. */
export function enumType(name: string): ColumnType {
  return scalar(name, 'text', jdbc.VARCHAR);
}

/** PostgreSQL's own types by their ids, which never change, each with the id of the array of it where there is one. */
const builtIn: readonly { readonly id: number; readonly arrayId?: number; readonly type: ColumnType }[] = [
  { id: 16, arrayId: 1000, type: scalar('bool', 'boolean', jdbc.BIT) },
  { id: 17, type: scalar('bytea', 'blob', jdbc.BINARY) },
  { id: 19, arrayId: 1003, type: scalar('name', 'text', jdbc.VARCHAR) },
  { id: 20, arrayId: 1016, type: scalar('int8', 'long', jdbc.BIGINT) },
  { id: 21, arrayId: 1005, type: scalar('int2', 'long', jdbc.SMALLINT) },
  { id: 23, arrayId: 1007, type: scalar('int4', 'long', jdbc.INTEGER) },
  { id: 25, arrayId: 1009, type: textType },
  { id: 26, arrayId: 1028, type: scalar('oid', 'long', jdbc.BIGINT) },
  { id: 114, arrayId: 199, type: otherType('json') },
  { id: 650, type: otherType('cidr') },
  { id: 700, arrayId: 1021, type: scalar('float4', 'double', jdbc.REAL) },
  { id: 701, arrayId: 1022, type: scalar('float8', 'double', jdbc.DOUBLE) },
  { id: 869, type: otherType('inet') },
  { id: 1042, arrayId: 1014, type: scalar('bpchar', 'text', jdbc.CHAR) },
  { id: 1043, arrayId: 1015, type: scalar('varchar', 'text', jdbc.VARCHAR) },
  { id: 1082, arrayId: 1182, type: scalar('date', 'time', jdbc.DATE) },
  { id: 1083, arrayId: 1183, type: scalar('time', 'time', jdbc.TIME) },
  { id: 1114, arrayId: 1115, type: scalar('timestamp', 'time', jdbc.TIMESTAMP) },
  { id: 1184, arrayId: 1185, type: scalar('timestamptz', 'timestamptz', jdbc.TIMESTAMP) },
  { id: 1700, arrayId: 1231, type: scalar('numeric', 'decimal', jdbc.NUMERIC) },
  { id: 2278, type: otherType('void') }, // what pg_advisory_xact_lock() and pg_sleep() return
  { id: 2950, arrayId: 2951, type: otherType('uuid') },
  { id: 3802, arrayId: 3807, type: otherType('jsonb') },
];

/** PostgreSQL's own types, and arrays of them, that the service returns, by their ids. */
export const builtInTypes: ReadonlyMap<number, ColumnType> = new Map(
  builtIn.flatMap(({ id, arrayId, type }) => [
    [id, type] as const,
    ...(arrayId === undefined ? [] : [[arrayId, arrayOf(type)] as const]),
  ]),
);

function arrayOf(element: ColumnType): ColumnType {
  return { name: `_${element.name}`, kind: element.kind, jdbcType: jdbc.ARRAY, element };
}
