import type pg from 'pg';
import { RdsDataError } from './errors.ts';
import { type Encoder, valueEncoder } from './records.ts';
import type { ResultLimit, Row } from './statement.ts';
import type { ColumnType } from './types.ts';

const message = 'Database response exceeded size limit.';
export const formattedLimit: ResultLimit = { bytes: 10 * 2 ** 20, message };

/** A result as one JSON text: `[{"id":1,"name":"Ada"}]`. */
export function formattedRecords(
  columns: readonly pg.FieldDef[],
  types: readonly ColumnType[],
  rows: readonly Row[],
): string {
  const names = columns.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    throw new RdsDataError('UnsupportedResultException', 'The result contains columns with the same name.');
  }
  const keys = names.map((name) => `${JSON.stringify(name)}:`);
  const encoders = types.map(valueEncoder);
  let json = '[';
  for (const [index, row] of rows.entries()) {
    json += index === 0 ? '{' : ',{';
    for (let column = 0; column < row.length; column++) {
      const value = row[column];
      if (column > 0) {
        json += ',';
      }
      json += keys[column] + (value == null ? 'null' : (encoders[column] as Encoder)(value));
    }
    json += '}';
  }
  json += ']';
  if (Buffer.byteLength(json) > formattedLimit.bytes) {
    throw new RdsDataError('UnsupportedResultException', message);
  }
  return json;
}
