import { type BaseIssue, type GenericSchema, is, safeParse } from 'valibot';

/** Reads and writes a JSON value while some rows still hold it in a form that earlier releases wrote. */
export interface Codec<Current> {
  /** The value in the current form, whichever form is stored. Throws a TypeError that names the place if it has none of them. */
  read(stored: unknown): Current;
  /** The value to store, as it was given. Throws a TypeError that names the place if it does not have the current form. */
  write(value: Current): Current;
  /** Whether the stored value has the current form, so that there is nothing to do. Never throws. */
  isCurrent(stored: unknown): stored is Current;
}

/** A form that earlier releases wrote. */
export interface Earlier<Old, Newer> {
  /** What tells a value of this form from others. It only checks: what it makes of a value is not looked at. */
  readonly schema: GenericSchema<Old, unknown>;
  /** Makes a value of this form into one of the current form, or of any newer one, which is then upgraded in its turn. */
  readonly upgrade: (old: Old) => Newer;
}

/** What a codec is made from. */
export interface CodecOptions<Current, Olds extends readonly unknown[]> {
  /** What error messages call the value: the name of its column. */
  readonly name: string;
  /** The form of this release. It is tried first: a value that has this form and an earlier one counts as current. */
  readonly current: GenericSchema<Current, unknown>;
  /** The forms before it, newest first. */
  readonly earlier: { readonly [I in keyof Olds]: Earlier<Olds[I], NoInfer<Current | Olds[number]>> };
}

/**
 * Makes a codec for all forms that a JSON value has had. Only an `upgrade` ever changes a value; keys that a schema does not
 * know are kept.
 *
 * @example
 * const address = codec({
 *   name: 'address',
 *   current: looseObject({ lines: array(string()) }),
 *   earlier: [{ schema: string(), upgrade: (text) => ({ lines: text.split(', ') }) }],
 * });
 * address.read('1 High Street, Oxford'); // { lines: ['1 High Street', 'Oxford'] }
 */
export function codec<Current, Olds extends readonly unknown[]>(
  options: CodecOptions<Current, Olds>,
): Codec<Current> {
  const { name, current } = options;
  const isCurrent = (value: unknown): value is Current => is(current, value);
  const earlier = options.earlier.map((form) => upgrading(form));
  const read = (value: unknown, forms: readonly Form[], origin = ''): Current => {
    if (isCurrent(value)) {
      return value;
    }
    const found = forms.findIndex(({ schema }) => is(schema, value));
    const form = forms[found];
    if (form === undefined) {
      throw new TypeError(complaint(name, [current, ...forms.map(({ schema }) => schema)], value) + origin);
    }
    // Only forms that are newer than this one are tried on the result, so upgrades come to an end.
    return read(form.upgrade(value), forms.slice(0, found), ', in what an upgrade made of an earlier form');
  };
  return { read: (stored) => read(stored, earlier), write: (value) => read(value, []), isCurrent };
}

/** An earlier form, for a value of which nothing is known yet. */
interface Form {
  readonly schema: GenericSchema;
  /** Throws a TypeError for a value that does not have this form. */
  readonly upgrade: (value: unknown) => unknown;
}

function upgrading<Old>({ schema, upgrade }: Earlier<Old, unknown>): Form {
  return {
    schema,
    upgrade: (value) => {
      if (is(schema, value)) {
        return upgrade(value);
      }
      throw new TypeError('a value without the form that it is upgraded from');
    },
  };
}

/** What is wrong with a value that has none of these forms: the first problem with the form that it comes closest to. */
function complaint(name: string, forms: readonly GenericSchema[], value: unknown): string {
  const problems = forms.map((schema) => problem(schema, value));
  const closest = problems.reduce((best, next) => (closeness(next, best) > 0 ? next : best));
  return `${name}${closest.keys.map(step).join('')}: ${closest.allowed}, got ${got(closest)}`;
}

/** The first place where a value does not have a form. */
interface Problem {
  /** The path to the place, from the whole value on. */
  readonly keys: readonly unknown[];
  /** What stands there. */
  readonly value: unknown;
  /** An object lacks the key. */
  readonly missing: boolean;
  /** What the form allows there, in words. */
  readonly allowed: string;
  /** How many such places there are in all. */
  readonly count: number;
}

function problem(schema: GenericSchema, value: unknown): Problem {
  const { issues = [] } = safeParse(schema, value, { message: allowed });
  const path = issues[0]?.path ?? [];
  const place = path.at(-1);
  return {
    keys: path.map(({ key }) => key),
    value: place === undefined ? value : place.value,
    missing: place !== undefined && isMissing(place),
    allowed: issues[0]?.message ?? '',
    count: issues.length,
  };
}

/**
 * Compares two forms by how close the value comes to them: above 0 if it comes closer to the form with problem `a`. In an
 * array, that is the form which fits more of the first elements: a list that begins with old conditions is taken for a list of
 * old conditions, whatever comes after them. Elsewhere it is the form that fits deeper into the value, then the one with
 * fewer problems, then the one whose key is there.
 */
function closeness(a: Problem, b: Problem): number {
  const parting = a.keys.findIndex((key, i) => key !== b.keys[i]);
  const [left, right] = [a.keys[parting], b.keys[parting]];
  if (typeof left === 'number' && typeof right === 'number') {
    return left - right;
  }
  const inside = parting === -1 || parting === b.keys.length; // one place is within the other, or is the same
  return (
    (inside ? a.keys.length - b.keys.length : 0) || b.count - a.count || Number(b.missing) - Number(a.missing)
  );
}

const isMissing = ({ origin, value }: { readonly origin: string; readonly value: unknown }): boolean =>
  origin === 'key' && value === undefined;

function allowed({ expected, path }: BaseIssue<unknown>): string {
  const last = path?.at(-1);
  if (last !== undefined && isMissing(last)) {
    return 'expected a value';
  }
  return `expected ${inWords.get(expected) ?? eitherOf(expected)}`;
}

/** Of a union Valibot says `(number | Object)`. */
function eitherOf(expected: string | null): string | null {
  const types = /^\((.* \| .*)\)$/.exec(expected ?? '')?.[1]?.split(' | ');
  return types?.map((type) => inWords.get(type) ?? type).join(' or ') ?? expected;
}

// Valibot says the names of types, and nothing for a check without a message of its own.
const inWords = new Map<string | null, string>([
  ['Array', 'an array'],
  ['Object', 'an object'],
  ['never', 'nothing'],
  [null, 'what its check allows'],
]);

/** A value as a message shows it. Its first 60 characters are enough to recognize it. */
function got({ value, missing }: Problem): string {
  if (missing) {
    return 'nothing';
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A step of the path to a place: `.name`, `[3]` or `["two words"]`. */
const step = (key: unknown): string =>
  typeof key === 'string' && /^[\p{L}_$][\p{L}\d_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
