import type pg from 'pg';
import { RdsDataError } from './errors.ts';

/** How a value is told in an answer. */
export type Kind = 'boolean' | 'long' | 'double' | 'decimal' | 'text' | 'blob' | 'time' | 'timestamptz';

/** A type of PostgreSQL that the service returns. */
export interface ColumnType {
  readonly name: string;
  readonly kind: Kind;
  /** The number that Java's JDBC has for it (`java.sql.Types`), which is what the metadata says. */
  readonly jdbc: number;
  /** Present for an array: the type of its elements. */
  readonly element?: ColumnType;
}

const scalar = (name: string, kind: Kind, jdbc: number): ColumnType => ({ name, kind, jdbc });

const text = scalar('text', 'text', 12);
const other = (name: string) => scalar(name, 'text', 1111);

const scalars: Readonly<Record<number, ColumnType>> = {
  16: scalar('bool', 'boolean', -7),
  17: scalar('bytea', 'blob', -2),
  19: scalar('name', 'text', 12),
  20: scalar('int8', 'long', -5),
  21: scalar('int2', 'long', 5),
  23: scalar('int4', 'long', 4),
  25: text,
  26: scalar('oid', 'long', -5),
  114: other('json'),
  650: other('cidr'),
  700: scalar('float4', 'double', 7),
  701: scalar('float8', 'double', 8),
  869: other('inet'),
  1042: scalar('bpchar', 'text', 1),
  1043: scalar('varchar', 'text', 12),
  1082: scalar('date', 'time', 91),
  1083: scalar('time', 'time', 92),
  1114: scalar('timestamp', 'time', 93),
  1184: scalar('timestamptz', 'timestamptz', 93),
  1700: scalar('numeric', 'decimal', 2),
  2278: other('void'), // pg_advisory_xact_lock(), pg_sleep()
  2950: other('uuid'),
  3802: other('jsonb'),
};

/** Array types by the types of their elements. */
const elements: Readonly<Record<number, number>> = {
  199: 114,
  1000: 16,
  1003: 19,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: 700,
  1022: 701,
  1028: 26,
  1115: 1114,
  1182: 1082,
  1183: 1083,
  1185: 1184,
  1231: 1700,
  2951: 2950,
  3807: 3802,
};

const builtIn = new Map<number, ColumnType>();
for (const [id, type] of Object.entries(scalars)) {
  builtIn.set(Number(id), type);
}
for (const [id, elementId] of Object.entries(elements)) {
  const element = scalars[elementId] ?? text;
  builtIn.set(Number(id), { name: `_${element.name}`, kind: element.kind, jdbc: 2003, element });
}

/** Type ids of one database that are not built in: enums and the like. PostgreSQL does not use an id twice. */
export type KnownTypes = Map<number, ColumnType>;

/** Finds the types of a result's columns, or refuses the result. */
export async function typesOf(
  columns: readonly pg.FieldDef[],
  known: KnownTypes,
  client: pg.ClientBase,
): Promise<ColumnType[]> {
  const find = (id: number) => builtIn.get(id) ?? known.get(id);
  const missing = columns.map(({ dataTypeID }) => dataTypeID).filter((id) => !find(id));
  if (missing.length > 0) {
    await learn(missing, known, client);
  }
  return columns.map(({ dataTypeID }) => find(dataTypeID) ?? text);
}

async function learn(ids: readonly number[], known: KnownTypes, client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ oid: string; typname: string; typtype: string }>(
    'SELECT oid::text, typname::text, typtype::text FROM pg_catalog.pg_type WHERE oid = ANY ($1)',
    [ids],
  );
  for (const { oid, typname, typtype } of rows) {
    if (typtype !== 'e' && typname !== 'vector') {
      throw new RdsDataError(
        'UnsupportedResultException',
        `The result contains the unsupported data type ${displayName(Number(oid), typname)}.`,
      );
    }
    known.set(Number(oid), scalar(typname, 'text', typtype === 'e' ? 12 : 1111));
  }
}

const firstOwnId = 16_384; // FirstNormalObjectId: below it is what PostgreSQL itself brings

function displayName(id: number, name: string): string {
  if (name === 'char') {
    return '"CHAR"';
  }
  return id < firstOwnId && !name.startsWith('reg') ? name.toUpperCase() : name;
}
