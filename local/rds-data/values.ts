import { RdsDataError } from './errors.ts';
import type { Rewritten } from './parameters.ts';
import type { SqlParameter } from './request.ts';

/** A statement with its parameters, each with the type that it is declared to have. */
export interface Bound {
  readonly text: string;
  readonly types: readonly number[];
  readonly values: readonly (string | Buffer | null)[];
}

interface Value {
  readonly type: number;
  readonly value: string | Buffer | null;
}

/** PostgreSQL's type ids, fixed for all its versions. */
const oid = { bool: 16, bytea: 17, int8: 20, text: 25, float8: 701 } as const;

const hints = {
  JSON: { type: 114, format: /^/ },
  UUID: { type: 2950, format: /^/ },
  DECIMAL: { type: 1700, format: /^/ },
  DATE: { type: 1082, format: /^\d{4}-\d\d-\d\d$/ },
  TIME: { type: 1083, format: /^\d\d:\d\d:\d\d(\.\d{1,6})?$/ },
  TIMESTAMP: { type: 1114, format: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/ },
} as const;

/**
 * Binds parameters to a statement. A name that no parameter has is not bound at all, so PostgreSQL misses it (08P01),
 * unless it stands where PostgreSQL sees none, in a dollar-quoted string; that is how the service behaves.
 */
export function bind({ text, names }: Rewritten, parameters: readonly SqlParameter[]): Bound {
  const given = new Map(parameters.map((parameter) => [parameter.name, bindingOf(parameter)]));
  const bound = names.map((name) => given.get(name)).filter((value) => value !== undefined);
  return { text, types: bound.map(({ type }) => type), values: bound.map(({ value }) => value) };
}

function bindingOf({ name, value, typeHint }: SqlParameter): Value {
  const [member, ...others] = Object.entries(value ?? {}).filter(([, content]) => content != null);
  if (!member || others.length > 0) {
    throw new RdsDataError('ValidationException', `Parameter ${name} must have exactly one value.`);
  }
  const [kind, content] = member;
  if (kind === 'arrayValue') {
    throw new RdsDataError('ValidationException', 'Array parameters are not supported.');
  }
  if (kind === 'stringValue') {
    return hinted(name, String(content), typeHint ?? undefined);
  }
  // Without a hint a NULL is a text like any other: where a number is wanted, it needs a cast.
  if (kind === 'isNull') {
    return { type: typeHint ? hints[typeHint].type : oid.text, value: null };
  }
  if (kind === 'longValue') {
    return { type: oid.int8, value: String(content) };
  }
  if (kind === 'doubleValue') {
    return { type: oid.float8, value: String(content) };
  }
  if (kind === 'booleanValue') {
    return { type: oid.bool, value: String(content) };
  }
  return { type: oid.bytea, value: Buffer.from(String(content), 'base64') };
}

function hinted(name: string, value: string, hint: keyof typeof hints | undefined): Value {
  if (!hint) {
    return { type: oid.text, value };
  }
  const { type, format } = hints[hint];
  if (!format.test(value)) {
    throw new RdsDataError(
      'ValidationException',
      `Parameter ${name} has a value that is no ${hint}: ${value}`,
    );
  }
  return { type, value };
}
