// Deeper values are looked at with their places, and for circles.
const plainDepth = 64;

/**
 * A value as JSON text, the same again when it is read: null, booleans, finite numbers, strings, arrays, plain objects, and
 * what has a `toJSON` that gives one of these, such as a valid Date. A property that is undefined is left out, as JSON.stringify
 * does. Throws a TypeError that names the place of anything else: JSON.stringify would write another value without a word (NaN
 * becomes null, a Map becomes {}). `path` is what the value is called, `payload`, say.
 */
export function jsonText(value: unknown, path: string): string {
  return JSON.stringify(isPlain(value, plainDepth) ? value : jsonValue(value, path));
}

/** Whether JSON.stringify writes a value as it is: so for nearly all, and found out several times as fast as where one is wrong. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) {
    return (
      value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
    );
  }
  if (depth === 0 || 'toJSON' in value) {
    return false;
  }
  if (Array.isArray(value)) {
    for (const each of value) {
      if (!isPlain(each, depth - 1)) {
        return false;
      }
    }
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return false;
  }
  for (const key in value) {
    const each: unknown = value[key as keyof typeof value];
    if (each !== undefined && !isPlain(each, depth - 1)) {
      return false;
    }
  }
  return true;
}

/** A value of which JSON.stringify writes what it is. `inside` are the values that it is in. */
function jsonValue(value: unknown, path: string, inside: readonly object[] = []): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number' && Number.isFinite(value)) {
    return value;
  }
  if (typeof value === 'object') {
    if (inside.includes(value)) {
      throw new TypeError(`${path} became a circle, which JSON does not have`);
    }
    const within = [...inside, value];
    // Array.from, since map() passes over holes.
    return Array.isArray(value)
      ? Array.from(value, (each, i) => jsonValue(each, `${path}[${i}]`, within))
      : jsonObject(value, path, within);
  }
  throw new TypeError(`${path} became ${said(value)}, which JSON does not have`);
}

function jsonObject(value: object, path: string, within: readonly object[]): unknown {
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') {
    const given: unknown = toJSON.call(value, '');
    if (given === null || given === undefined) {
      throw new TypeError(`${path} became ${said(value)}, whose toJSON gives ${given}`);
    }
    return jsonValue(given, path, within);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // Another realm has an Object of its own, whose prototype has none either.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError(`${path} became ${said(value)}, which JSON does not have`);
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, jsonValue(each, step(path, key), within)]));
}

const step = (path: string, key: string): string =>
  /^[\p{L}_$][\p{L}\d_$]*$/u.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

function said(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    return `a ${value.constructor?.name || 'object'}`;
  }
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value);
}
