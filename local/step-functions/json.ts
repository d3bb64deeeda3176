/** What a state takes and gives. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Any input, output or variable: 256 KiB of UTF-8. */
export const dataLimit = 262_144;

export function bytes(text: string): number {
  return Buffer.byteLength(text);
}
