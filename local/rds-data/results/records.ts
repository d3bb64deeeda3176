import type { ColumnType, Kind } from './column-types.ts';
import { doubleJson, type Encoder, jsonEncoder } from './json-values.ts';
import type { Row } from './result.ts';
import type { ResultColumn } from './result-columns.ts';

/** How the caller wants longs and decimals: `resultSetOptions` of ExecuteStatement. */
export interface ResultSetOptions {
  /** `LONG` when left out. */
  readonly longReturnType?: 'LONG' | 'STRING' | null | undefined;
  /** `STRING` when left out. */
  readonly decimalReturnType?: 'STRING' | 'DOUBLE_OR_LONG' | null | undefined;
}

/**
 * The `records` of a response as JSON text. It is written directly, because a page has tens of thousands of values,
 * and an object for each would cost more than the text.
 */
export function recordsJson(
  columns: readonly ResultColumn[],
  rows: readonly Row[],
  options: ResultSetOptions,
): string {
  const encoders = columns.map(({ type }) => fieldEncoder(type, options));
  let json = '[';
  for (const [index, row] of rows.entries()) {
    json += index === 0 ? '[' : ',[';
    for (const [column, encode] of encoders.entries()) {
      const value = row[column];
      json += column === 0 ? '' : ',';
      json += value == null ? '{"isNull":true}' : encode(value);
    }
    json += ']';
  }
  return `${json}]`;
}

/** The member of a Field that has a value of this kind. */
const members: Readonly<Record<Kind, string>> = {
  boolean: 'booleanValue',
  long: 'longValue',
  double: 'doubleValue',
  decimal: 'stringValue',
  text: 'stringValue',
  blob: 'blobValue',
  time: 'stringValue',
  timestamptz: 'stringValue',
};

/** Encodes values as Fields: `{"longValue":1}`. */
function fieldEncoder(type: ColumnType, options: ResultSetOptions): Encoder {
  const { kind, element } = type;
  const encode = jsonEncoder(type);
  if (element) {
    return (text) => `{"arrayValue":{"${members[kind]}s":${encode(text)}}}`;
  }
  if (kind === 'long' && options.longReturnType === 'STRING') {
    return (text) => `{"stringValue":"${text}"}`;
  }
  if (kind === 'decimal' && options.decimalReturnType === 'DOUBLE_OR_LONG') {
    return doubleOrLong;
  }
  const start = `{"${members[kind]}":`;
  return (text) => `${start}${encode(text)}}`;
}

function doubleOrLong(text: string): string {
  return /^-?\d+$/.test(text) ? `{"longValue":${text}}` : `{"doubleValue":${doubleJson(text)}}`;
}
