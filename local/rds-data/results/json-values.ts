import { elementsOf } from './array-text.ts';
import type { ColumnType, Kind } from './column-types.ts';
import { inUtc, timeText } from './timestamps.ts';

/** Turns PostgreSQL's text of a value into JSON text. */
export type Encoder = (text: string) => string;

/** Encodes the values of one type as plain JSON: numbers, text, lists. */
export function jsonEncoder({ kind, element }: ColumnType): Encoder {
  if (!element) {
    return encoders[kind];
  }
  const encode = encoders[element.kind];
  return (text) => {
    const values = elementsOf(text).map((value) => (value === null ? 'null' : encode(value)));
    return `[${values.join(',')}]`;
  };
}

/** A double as a JSON number. NaN and Infinity, which JSON does not have, become text. */
export function doubleJson(text: string): string {
  return /^-?\d/.test(text) ? text : JSON.stringify(text);
}

const encoders: Readonly<Record<Kind, Encoder>> = {
  boolean: (text) => (text === 't' ? 'true' : 'false'),
  long: (text) => text,
  double: doubleJson,
  decimal: (text) => JSON.stringify(text),
  text: (text) => JSON.stringify(text),
  blob: (text) => `"${Buffer.from(text.slice('\\x'.length), 'hex').toString('base64')}"`,
  time: (text) => `"${timeText(text)}"`,
  timestamptz: (text) => `"${timeText(inUtc(text))}"`,
};
