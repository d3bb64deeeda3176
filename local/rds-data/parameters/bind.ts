import { RdsDataError } from '../errors.ts';
import type { RewrittenSql } from './named-parameters.ts';
import type { SqlParameter, TypeHint } from './sql-parameter.ts';

/** A statement with the values of its parameters: `$1` is the first. */
export interface BoundStatement {
  readonly text: string;
  /** The types that the parameters are declared to have, by their ids in PostgreSQL. */
  readonly types: readonly number[];
  /** PostgreSQL's text of each value, or the bytes of a bytea. */
  readonly values: readonly (string | Buffer | null)[];
}

/** A parameter's value as PostgreSQL's text, and the type that it is declared to have. */
interface TypedValue {
  /** The type's id in PostgreSQL. */
  readonly type: number;
  readonly value: string | Buffer | null;
}

/** PostgreSQL's ids of types, which are the same in all its versions. */
export const typeIds = { bool: 16, bytea: 17, int8: 20, text: 25, float8: 701 } as const;

/** The types that a `typeHint` declares, and the format that the service wants for their values. */
const hints: Readonly<Record<TypeHint, { readonly type: number; readonly format?: RegExp }>> = {
  JSON: { type: 114 },
  UUID: { type: 2950 },
  DECIMAL: { type: 1700 },
  DATE: { type: 1082, format: /^\d{4}-\d\d-\d\d$/ },
  TIME: { type: 1083, format: /^\d\d:\d\d:\d\d(\.\d{1,6})?$/ },
  TIMESTAMP: { type: 1114, format: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/ },
};

/**
 * Binds a call's parameters to its statement. As with the service, a name without a parameter is left unbound, and
 * PostgreSQL reports it as missing (08P01), unless it stands in a dollar-quoted string, where PostgreSQL sees no
 * parameter.
 *
 * @throws RdsDataError for a parameter without exactly one value, an array, or a value that its hint does not allow.
 */
export function bind({ text, names }: RewrittenSql, parameters: readonly SqlParameter[]): BoundStatement {
  const values = new Map(parameters.map((parameter) => [parameter.name, typedValue(parameter)]));
  const bound = names.map((name) => values.get(name)).filter((value) => value !== undefined);
  return { text, types: bound.map(({ type }) => type), values: bound.map(({ value }) => value) };
}

/** A statement that has no parameters. */
export function unbound(text: string): BoundStatement {
  return { text, types: [], values: [] };
}

function typedValue({ name, value, typeHint }: SqlParameter): TypedValue {
  const [member, ...others] = Object.entries(value ?? {}).filter(([, content]) => content != null);
  if (!member || others.length > 0) {
    throw new RdsDataError('ValidationException', `Parameter ${name} must have exactly one value.`);
  }
  const [kind, content] = member;
  const text = String(content);
  switch (kind) {
    case 'arrayValue':
      throw new RdsDataError('ValidationException', 'Array parameters are not supported.');
    case 'stringValue':
      return typeHint ? hintedValue(name, text, typeHint) : { type: typeIds.text, value: text };
    case 'isNull':
      // Without a hint a NULL is text, like any value: it needs a cast where a number is wanted.
      return { type: typeHint ? hints[typeHint].type : typeIds.text, value: null };
    case 'longValue':
      return { type: typeIds.int8, value: text };
    case 'doubleValue':
      return { type: typeIds.float8, value: text };
    case 'booleanValue':
      return { type: typeIds.bool, value: text };
    default:
      return { type: typeIds.bytea, value: Buffer.from(text, 'base64') };
  }
}

function hintedValue(name: string, value: string, hint: TypeHint): TypedValue {
  const { type, format } = hints[hint];
  if (format && !format.test(value)) {
    throw new RdsDataError(
      'ValidationException',
      `Parameter ${name} has a value that is no ${hint}: ${value}`,
    );
  }
  return { type, value };
}
