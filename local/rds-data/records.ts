import { RdsDataError } from './errors.ts';
import type { ResultSetOptions } from './request.ts';
import type { Row } from './statement.ts';
import type { ColumnType, Kind } from './types.ts';

/** Turns PostgreSQL's text of a value into JSON text. */
export type Encoder = (text: string) => string;

/** The records of an answer as JSON text, written directly: a page has ten thousands of values, and no object for any. */
export function recordsJson(
  types: readonly ColumnType[],
  rows: readonly Row[],
  options: ResultSetOptions,
): string {
  const encoders = types.map((type) => fieldEncoder(type, options));
  let json = '[';
  for (const [index, row] of rows.entries()) {
    json += index === 0 ? '[' : ',[';
    for (let column = 0; column < row.length; column++) {
      if (column > 0) {
        json += ',';
      }
      const value = row[column];
      json += value == null ? '{"isNull":true}' : (encoders[column] as Encoder)(value);
    }
    json += ']';
  }
  return `${json}]`;
}

/** The values of one type as JSON, without the member that says their kind. */
export function valueEncoder({ kind, element }: ColumnType): Encoder {
  if (!element) {
    return encoders[kind];
  }
  const encode = encoders[element.kind];
  return (text) =>
    `[${arrayElements(text)
      .map((value) => (value === null ? 'null' : encode(value)))
      .join(',')}]`;
}

const encoders: Readonly<Record<Kind, Encoder>> = {
  boolean: (text) => (text === 't' ? 'true' : 'false'),
  long: (text) => text,
  double: (text) => (/^-?\d/.test(text) ? text : JSON.stringify(text)), // NaN and Infinity are strings in JSON
  decimal: (text) => JSON.stringify(text),
  text: (text) => JSON.stringify(text),
  blob: (text) => `"${Buffer.from(text.slice(2), 'hex').toString('base64')}"`,
  time: (text) => `"${time(text)}"`,
  timestamptz: (text) => `"${time(inUtc(text))}"`,
};

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

function fieldEncoder(type: ColumnType, options: ResultSetOptions): Encoder {
  const { kind, element } = type;
  const encode = valueEncoder(type);
  if (element) {
    return (text) => `{"arrayValue":{"${members[kind]}s":${encode(text)}}}`;
  }
  if (kind === 'long' && options?.longReturnType === 'STRING') {
    return (text) => `{"stringValue":"${text}"}`;
  }
  if (kind === 'decimal' && options?.decimalReturnType === 'DOUBLE_OR_LONG') {
    return doubleOrLong;
  }
  const start = `{"${members[kind]}":`;
  return (text) => `${start}${encode(text)}}`;
}

function doubleOrLong(text: string): string {
  return /^-?\d+$/.test(text) ? `{"longValue":${text}}` : `{"doubleValue":${encoders.double(text)}}`;
}

/** The service shows no fraction when it is zero, milliseconds when they are enough, and microseconds otherwise. */
function time(text: string): string {
  // It has no word for infinity and fails without a message.
  if (text.endsWith('infinity')) {
    throw new RdsDataError('InternalFailure');
  }
  const dot = text.indexOf('.');
  if (dot < 0) {
    return text;
  }
  return text.replace(/\.(\d+)/, (_, digits: string) => {
    const micros = digits.padEnd(6, '0');
    return `.${micros.endsWith('000') ? micros.slice(0, 3) : micros}`;
  });
}

const withOffset = /^(.*)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

/** Sessions are in UTC, unless a transaction has set another zone. */
function inUtc(text: string): string {
  if (text.endsWith('+00')) {
    return text.slice(0, -3);
  }
  const match = withOffset.exec(text);
  if (!match) {
    return text;
  }
  const [, local = '', sign, hours, minutes = '0', seconds = '0', era = ''] = match;
  const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (offset === 0 || era) {
    return `${local}${era}`;
  }
  const [whole = '', fraction] = local.split('.');
  const moment = new Date(`${whole.replace(' ', 'T')}Z`).getTime() + offset * (sign === '-' ? 1000 : -1000);
  const utc = new Date(moment).toISOString().slice(0, 19).replace('T', ' ');
  return fraction ? `${utc}.${fraction}` : utc;
}

const arrayElement = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)|(\{)/g;

/** The elements of a one-dimensional array: `{1,NULL,"a \"b\""}`, maybe after its bounds: `[0:1]={1,2}`. */
function arrayElements(text: string): (string | null)[] {
  const values: (string | null)[] = [];
  const body = text.slice(text.indexOf('{') + 1, -1);
  for (const [, quoted, plain, brace] of body.matchAll(arrayElement)) {
    if (brace) {
      throw new RdsDataError('UnsupportedResultException', 'The result contains a multidimensional array.');
    }
    if (quoted !== undefined) {
      values.push(quoted.replace(/\\(.)/gs, '$1'));
    } else {
      values.push(plain === 'NULL' ? null : (plain ?? null));
    }
  }
  return values;
}
