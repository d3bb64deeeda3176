import { type BaseIssue, type GenericSchema, safeParse } from 'valibot';

/** Reads and writes a JSON value while rows that hold it in earlier forms are still about. */
export interface Codec<Current> {
  /** The value in the current form, whichever is stored. Throws a TypeError that names the place if it is of none. */
  read(stored: unknown): Current;
  /** The value to store. Throws a TypeError that names the place if it is not of the current form. */
  write(value: Current): Current;
  /** Whether the stored value is of the current form: then there is nothing to do. Never throws. */
  isCurrent(stored: unknown): stored is Current;
}

/** A form that earlier releases wrote. */
export interface Earlier<Old, Newer> {
  readonly schema: GenericSchema<Old, unknown>;
  /** What becomes of it: the current form, or any newer one, which is upgraded in its turn. */
  readonly upgrade: (old: Old) => Newer;
}

export interface CodecOptions<Current, Olds extends readonly unknown[]> {
  /** What messages call the value: the name of its column. */
  readonly name: string;
  /** The form of this release. It is tried first: what is of this form and of an earlier one is of this one. */
  readonly current: GenericSchema<Current, unknown>;
  /** The forms before it, newest first. */
  readonly earlier: { readonly [I in keyof Olds]: Earlier<Olds[I], NoInfer<Current | Olds[number]>> };
}

/**
 * A codec for all forms that a JSON value has had. Schemas check, and that is all: nothing but an `upgrade` changes a
 * value, and keys that a schema does not know are kept.
 */
export function codec<Current, Olds extends readonly unknown[]>(
  options: CodecOptions<Current, Olds>,
): Codec<Current> {
  const { name, current } = options;
  const forms: readonly Form[] = [{ schema: current }, ...(options.earlier as readonly Form[])];
  return {
    read: (stored) => upgraded(name, forms, stored) as Current,
    write: (value) => upgraded(name, forms.slice(0, 1), value) as Current,
    isCurrent: (stored): stored is Current => fits(current, stored),
  };
}

interface Form {
  readonly schema: GenericSchema;
  /** The current form has none. */
  readonly upgrade?: (old: unknown) => unknown;
}

/** The value in the first form. What an upgrade made must be of a form before its own, so this comes to an end. */
function upgraded(name: string, forms: readonly Form[], value: unknown, made = ''): unknown {
  const at = forms.findIndex(({ schema }) => fits(schema, value));
  const form = forms[at];
  if (form === undefined) {
    throw new TypeError(complaint(name, forms, value) + made);
  }
  if (form.upgrade === undefined) {
    return value;
  }
  const newer = form.upgrade(value);
  return upgraded(name, forms.slice(0, at), newer, ', in what an upgrade made of an earlier form');
}

const fits = (schema: GenericSchema, value: unknown): boolean =>
  safeParse(schema, value, { abortEarly: true }).success;

/** What is wrong with a value that is of none of these forms: the first problem of the form that it comes closest to. */
function complaint(name: string, forms: readonly Form[], value: unknown): string {
  const problems = forms.map(({ schema }) => problem(schema, value));
  const closest = problems.reduce((best, next) => (closeness(next, best) > 0 ? next : best));
  return `${name}${closest.keys.map(step).join('')}: ${closest.allowed}, got ${got(closest)}`;
}

interface Problem {
  /** The way to the place, from the value as a whole. */
  readonly keys: readonly unknown[];
  readonly value: unknown;
  readonly missing: boolean;
  readonly allowed: string;
  /** How many there are of them in all. */
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
 * Above 0 if `a` is of the form that the value comes closer to. That is the one that fits further on in an array: as long as
 * its first elements are old conditions it is a list of conditions, whatever comes after them. Or the one that fits deeper,
 * or has fewer problems, or does not lack the key at all.
 */
function closeness(a: Problem, b: Problem): number {
  const parting = a.keys.findIndex((key, i) => key !== b.keys[i]);
  const [left, right] = [a.keys[parting], b.keys[parting]];
  if (typeof left === 'number' && typeof right === 'number') {
    return left - right;
  }
  const inside = parting === -1 || parting === b.keys.length; // one place lies within the other, or is the other
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
  return `expected ${words.get(expected) ?? expected}`;
}

// Valibot's own are names of types; a check that says nothing of itself should.
const words = new Map<string | null, string>([
  ['Array', 'an array'],
  ['Object', 'an object'],
  ['never', 'nothing'],
  [null, 'what its check allows'],
]);

/** A value as a message shows it, cut at the length that is enough to recognize it. */
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

const step = (key: unknown): string =>
  typeof key === 'string' && /^[\p{L}_$][\p{L}\d_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
