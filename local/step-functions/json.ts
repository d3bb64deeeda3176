/** What a state takes and gives. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Whether a value is an object with fields: no list, and not null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same for JSON, whose fields are JSON again. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}

/** Array.isArray, which does not narrow to lists that are readonly. */
export function isJsonList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Reads JSON text.
 *
 * @throws SyntaxError for any other text.
 */
export function parseJson(text: string): Json {
  return JSON.parse(text);
}

/** The fields that have a value. */
export function withoutUndefined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
