import { decode, encode } from 'cborg';

/** How an event's payload is stored: as JSON text by old releases, as CBOR (RFC 8949) by this one. */
export type Encoding = 'json' | 'cbor';

/** Reads a payload in either form. Throws if the bytes are not what the encoding says, or it is unknown. */
export function readPayload(payload: Uint8Array, encoding: string): unknown {
  if (encoding === 'cbor') {
    return decode(payload);
  }
  if (encoding === 'json') {
    return JSON.parse(utf8.decode(payload));
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

// Fatal: bytes that are not UTF-8 must not be replaced silently and written back.
const utf8 = new TextDecoder('utf-8', { fatal: true });
