import type pg from 'pg';
import { RdsDataError } from '../errors.ts';
import { builtInTypes, type ColumnType, enumType, otherType, textType } from './column-types.ts';

/** A column of a result. */
export interface ResultColumn {
  readonly field: pg.FieldDef;
  readonly type: ColumnType;
}

/**
 * The types of one database that are not built in, by their ids, as far as results had them. PostgreSQL uses no id
 * twice.
 */
export type KnownTypes = Map<number, ColumnType>;

/** The database that a result is from. */
export interface ResultSource {
  readonly client: pg.ClientBase;
  /** Gets the types that have to be looked up. */
  readonly types: KnownTypes;
}

/**
 * Finds the types of a result's columns.
 *
 * @throws UnsupportedResultException for a type that the service does not return, such as interval.
 */
export async function resultColumns(
  fields: readonly pg.FieldDef[],
  { client, types }: ResultSource,
): Promise<readonly ResultColumn[]> {
  const typeOf = (id: number) => builtInTypes.get(id) ?? types.get(id);
  const missing = fields.map(({ dataTypeID }) => dataTypeID).filter((id) => !typeOf(id));
  if (missing.length > 0) {
    await lookUp(missing, { client, types });
  }
  // A type that was dropped meanwhile is no longer found; its values are text like any others.
  return fields.map((field) => ({ field, type: typeOf(field.dataTypeID) ?? textType }));
}

async function lookUp(ids: readonly number[], { client, types }: ResultSource): Promise<void> {
  const { rows } = await client.query<{ oid: string; typname: string; typtype: string }>(
    'SELECT oid::text, typname::text, typtype::text FROM pg_catalog.pg_type WHERE oid = ANY ($1)',
    [ids],
  );
  for (const { oid, typname, typtype } of rows) {
    const isEnum = typtype === 'e';
    if (!isEnum && typname !== 'vector') {
      throw new RdsDataError(
        'UnsupportedResultException',
        `The result contains the unsupported data type ${displayName(Number(oid), typname)}.`,
      );
    }
    types.set(Number(oid), isEnum ? enumType(typname) : otherType(typname));
  }
}

/** PostgreSQL's FirstNormalObjectId: smaller ids belong to what PostgreSQL itself brings. */
const firstUserId = 16_384;

/** How the service names a type that it does not support: PostgreSQL's own types in capitals. */
function displayName(id: number, name: string): string {
  if (name === 'char') {
    return '"CHAR"';
  }
  return id < firstUserId && !name.startsWith('reg') ? name.toUpperCase() : name;
}
