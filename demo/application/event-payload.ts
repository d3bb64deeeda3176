import { decode, encode } from 'cborg';
import { isInteger, isSafeNumber, parse } from 'lossless-json';

/** How an event's payload is stored: as JSON text by old releases, as CBOR (RFC 8949) by this one. */
export type Encoding = 'json' | 'cbor';

/**
 * Reads a payload in either form: integers beyond 2^53 are bigints. Throws if the bytes are not what the encoding says, or it is
 * unknown, or for a number that would be rounded.
 */
export function readPayload(payload: Uint8Array, encoding: string): unknown {
  if (encoding === 'cbor') {
    return decode(payload);
  }
  if (encoding === 'json') {
    return parse(utf8.decode(payload), undefined, exact);
  }
  throw new TypeError(`encoding: expected json or cbor, got ${JSON.stringify(encoding)}`);
}

/** Writes a payload in the form of this release. The same payload always becomes the same bytes. */
export function writePayload(payload: unknown): {
  readonly payload: Uint8Array;
  readonly encoding: Encoding;
} {
  return { payload: encode(payload), encoding: 'cbor' };
}

/** A number as CBOR can hold it: an integer of 64 bits, or a double. */
function exact(text: string): number | bigint {
  const number = Number(text);
  if (
    Number.isSafeInteger(number)
      ? isSafeNumber(text)
      : digits(String(number)) === digits(text) && !isInteger(text)
  ) {
    return number;
  }
  const size = isInteger(text) ? BigInt(text.replace('-', '')) : undefined;
  if (size !== undefined && size < 2n ** 64n) {
    return BigInt(text);
  }
  throw new RangeError(`the number ${text} would be rounded`);
}

/** The digits that count, without exponent: 1e300 has one, 1000…, too. */
const digits = (text: string): string => text.replace(/[eE].*|[-.]/g, '').replace(/^0+|0+$/g, '');

// Fatal: bytes that are not UTF-8 must not be replaced silently and written back.
const utf8 = new TextDecoder('utf-8', { fatal: true });
