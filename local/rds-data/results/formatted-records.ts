import { RdsDataError } from '../errors.ts';
import { maxFormattedBytes } from '../quotas.ts';
import { jsonEncoder } from './json-values.ts';
import type { ResultLimit, Row } from './result.ts';
import type { ResultColumn } from './result-columns.ts';

/** The limit of a result with `formatRecordsAs: JSON`. */
export const formattedLimit: ResultLimit = {
  bytes: maxFormattedBytes,
  message: 'Database response exceeded size limit.',
};

/**
 * The `formattedRecords` of a response: `[{"id":1,"name":"Ada"}]`.
 *
 * @throws UnsupportedResultException when two columns have the same name, or the text is over 10 MiB.
 */
export function formattedRecords(columns: readonly ResultColumn[], rows: readonly Row[]): string {
  const names = columns.map(({ field }) => field.name);
  if (new Set(names).size < names.length) {
    throw new RdsDataError('UnsupportedResultException', 'The result contains columns with the same name.');
  }
  const members = columns.map(({ field, type }) => ({
    key: `${JSON.stringify(field.name)}:`,
    encode: jsonEncoder(type),
  }));
  let json = '[';
  for (const [index, row] of rows.entries()) {
    json += index === 0 ? '{' : ',{';
    for (const [column, { key, encode }] of members.entries()) {
      const value = row[column];
      json += column === 0 ? key : `,${key}`;
      json += value == null ? 'null' : encode(value);
    }
    json += '}';
  }
  json += ']';
  if (Buffer.byteLength(json) > formattedLimit.bytes) {
    throw new RdsDataError('UnsupportedResultException', formattedLimit.message);
  }
  return json;
}
