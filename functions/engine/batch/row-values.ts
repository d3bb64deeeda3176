import { isSafeNumber, parse } from 'lossless-json';
import type { Column, Key, Table } from '../database/table.ts';
import { jsonText } from './json-value.ts';

/** A row as `transform` sees it. */
// biome-ignore lint/suspicious/noExplicitAny: what a jsonb column holds is known to the migration's author alone
export type RowOf = Record<string, any>;

/** Turns what the Data API sent into the row that `transform` sees. Throws if that would lose something. */
export function decode(table: Table, columns: readonly Column[], { key, values }: Sent): RowOf {
  const row: RowOf = {};
  table.key.forEach(({ name, form }, i) => {
    row[name] = form === 'number' ? Number(key[i]) : key[i];
  });
  columns.forEach((column, i) => {
    row[column.name] = decodeValue(column, values[i]);
  });
  return row;
}

interface Sent {
  readonly key: Key;
  readonly values: readonly unknown[];
}

function decodeValue({ name, form }: Column, value: unknown): unknown {
  if (value === null || form === 'bytes' || form === 'boolean' || form === 'text') {
    return value;
  }
  return form === 'number' ? Number(value) : parseJson(name, value as string);
}

/** Whether what was read is the JSON value null, and not NULL: as text, one is `null` and the other nothing. */
export function isJsonNull({ form }: Column, value: unknown): boolean {
  return (form === 'json' || form === 'jsonb') && value === 'null';
}

// A double holds 15 digits of any number; shorter ones without an exponent need no second look.
const maybeTooExact = /[\d.]{16}|\d[eE]/;

/** JSON.parse rounds 12345678901234567890 silently, and writing the row back would destroy it: throws a RangeError instead. */
export function parseJson(column: string, text: string): unknown {
  if (!maybeTooExact.test(text)) {
    return JSON.parse(text);
  }
  return parse(text, undefined, (number) => {
    if (isSafeNumber(number)) {
      return Number(number);
    }
    throw new RangeError(`${column} contains the number ${number}, which JavaScript cannot hold exactly`);
  });
}

/**
 * Turns a changed value into JSON text that `jsonb_to_recordset` reads as the column's type; bytes travel as base64. Throws a TypeError for
 * what JSON cannot say exactly, with its place.
 */
export function encode({ name, form }: Column, value: unknown): string {
  if (value === undefined) {
    throw new TypeError(`${name} became undefined; leave it out, or set it to null`);
  }
  if (form === 'bytes' && value !== null) {
    return `"${asBase64(name, value)}"`;
  }
  // JSON has no bigint, NaN or Infinity; PostgreSQL reads them all as text.
  const isOther = typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value));
  if (isOther && form !== 'json' && form !== 'jsonb') {
    return `"${value}"`;
  }
  if (form === 'number' && Object.is(value, -0)) {
    return '"-0"';
  }
  return jsonText(value, name);
}

function asBase64(name: string, value: unknown): string {
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  throw new TypeError(`${name} is bytea, so its new value must be a Uint8Array, got ${typeof value}`);
}
