import { shown } from '../errors.ts';

/** SQL as a value: text with its parameters, composed without ever pasting a value into the text. */

export interface Sql {
  readonly kind: 'sql';
  /** Text pieces; `values[i]` stands between `pieces[i]` and `pieces[i + 1]`. */
  readonly pieces: readonly string[];
  /** What stands between the pieces: parameters, or more SQL. */
  readonly values: readonly SqlValue[];
  /** The option in which an author wrote it; see place.ts. */
  readonly label?: string;
}

/** What may stand in `${…}`: a value becomes a parameter, SQL becomes part of the text. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array | Sql;

/**
 * Builds SQL. The text reaches PostgreSQL as typed, backslashes included; parameters are sent apart from it.
 * A string parameter has the type `text`: cast it (`${id}::uuid`) where PostgreSQL needs another.
 *
 * @example
 * const cutoff = '2024-01-01';
 * const where = sql`created_at < ${cutoff}::date AND email ~ '^\S+@'`;
 */
export function sql(strings: TemplateStringsArray, ...values: SqlValue[]): Sql {
  return { kind: 'sql', pieces: strings.raw, values };
}

/** Text that is already SQL: for names and types that come from the catalog, never for values. */
export function unsafeSql(text: string): Sql {
  return { kind: 'sql', pieces: [text], values: [] };
}

/** A name, quoted; `schema.table` is quoted in its parts. The one place where identifiers are quoted. */
export function identifier(...names: string[]): Sql {
  return unsafeSql(names.map(quoted).join('.'));
}

/** A table as a migration names it, `users` or `audience_data.app_1`: quoted in its parts. */
export function tableName(table: string): Sql {
  return identifier(...table.split('.'));
}

/** The text of SQL that has no parameters. Throws a TypeError for one that has: a value never becomes text. */
export function textOf({ pieces, values }: Sql): string {
  return pieces.reduce((text, piece, i) => {
    const part = values[i - 1];
    if (!isSql(part)) {
      throw new TypeError(`a parameter cannot become text: ${String(part)}`);
    }
    return text + textOf(part) + piece;
  });
}

/** What PostgreSQL makes of a table's or an index's quoted name: its oid, or NULL where there is none. */
export function regclass(name: Sql): Sql {
  return sql`to_regclass(${textOf(name)})`;
}

function quoted(name: string): string {
  if (name === '' || name.includes('\0')) {
    throw new TypeError(`not a name in SQL: ${JSON.stringify(name)}`);
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** Pieces of SQL, one after another, with a separator such as `', '` or `' AND '`. */
export function join(parts: readonly Sql[], separator: string): Sql {
  if (parts.length === 0) {
    return unsafeSql('');
  }
  const between = parts.length - 1;
  return { kind: 'sql', pieces: ['', ...Array<string>(between).fill(separator), ''], values: parts };
}

/**
 * A statement with common table expressions before it, each as `"name#" AS (…)`. Every name of ours that SQL of an author might
 * see ends in `#`, so that it never stands in front of a table of the application.
 */
export function withCtes(ctes: readonly Sql[], statement: Sql): Sql {
  return sql`WITH ${join(ctes, ',')} ${statement}`;
}

/** Nothing, or the SQL: for clauses that are there only under a condition. */
export function when(condition: unknown, part: Sql): Sql {
  return condition ? part : unsafeSql('');
}

/** A parameter as it is sent. NULL never is one: the Data API would give it the type text, so it stands in the text. */
export type Parameter = { readonly name: string; readonly value: Exclude<SqlValue, Sql | null> };

/** The text with `:p1`, `:p2` … and the values that belong to them. */
export function render(statement: Sql): { readonly text: string; readonly parameters: readonly Parameter[] } {
  const parts = [...partsOf(statement)].filter((part) => 'text' in part);
  const parameters = parts.flatMap(({ parameter }) => (parameter === undefined ? [] : [parameter]));
  // Without the line breaks around it: how a statement begins tells what it is, also to services on the way.
  return {
    text: parts
      .map(({ text }) => text)
      .join('')
      .trim(),
    parameters,
  };
}

/** A part of a statement's text, in its order; what stands in `${…}` is a parameter or NULL. `opens` and `closes` are around SQL. */
export type Part =
  | { readonly text: string; readonly isValue: boolean; readonly parameter?: Parameter }
  | { readonly opens: Sql }
  | { readonly closes: Sql };

/** The parts of a statement as it is sent, but for white space around it. */
export function* partsOf(statement: Sql, names = { used: 0 }): Generator<Part> {
  yield { opens: statement };
  for (const [i, text] of statement.pieces.entries()) {
    yield { text, isValue: false };
    const value = statement.values[i];
    if (isSql(value)) {
      yield* partsOf(value, names);
    } else if (value === null) {
      yield { text: 'NULL', isValue: true };
    } else if (value !== undefined) {
      names.used += 1;
      const name = `p${names.used}`;
      yield { text: `:${name}`, isValue: true, parameter: { name, value } };
    }
  }
  yield { closes: statement };
}

/**
 * The text with its values inside of it, for the body of a DO block, which takes no parameters. Each has the type that it would
 * have as a parameter.
 */
export function withLiterals(statement: Sql): string {
  return [...partsOf(statement)]
    .map((part) => ('text' in part ? (part.parameter ? literal(part.parameter.value) : part.text) : ''))
    .join('');
}

function literal(value: Parameter['value']): string {
  if (typeof value === 'string') {
    return `${quotedText(value)}::text`;
  }
  if (typeof value === 'boolean') {
    return `${value}`;
  }
  if (value instanceof Uint8Array) {
    return `'\\x${Buffer.from(value).toString('hex')}'::bytea`;
  }
  return `'${value}'::${Number.isSafeInteger(Number(value)) ? 'bigint' : 'float8'}`;
}

/** A text as an SQL literal, whatever the database's `standard_conforming_strings` is. */
export function quotedText(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** Whether a value was made by `sql`. */
export function isSql(value: unknown): value is Sql {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'sql';
}

/** SQL that can be put into a statement: a comment at its end ends with it, by a line break. */
export function closed(fragment: Sql): Sql {
  const found = [...render(fragment).text.matchAll(tokens)].at(-1);
  const open = found?.[0].startsWith('--') === true && found.index + found[0].length === found.input.length;
  return open ? join([fragment, unsafeSql('')], '\n') : fragment;
}

/**
 * Why this SQL cannot be sent as it stands, or undefined. What stands in `${…}` must be a value; and the Data API's scanner
 * takes `:name` for a parameter wherever it is not quoted or commented, and knows neither dollar quotes nor array slices: both
 * would be rewritten silently.
 */
export function unsendable(statement: Sql): string | undefined {
  const wrong = valuesOf(statement).filter((value) => !isSendable(value));
  if (wrong.length > 0) {
    return `got ${shown(wrong[0])} in \${…}, allowed is ${sendable}`;
  }
  const { text, parameters } = render(statement);
  const own = new Set(parameters.map(({ name }) => `:${name}`));
  for (const [token] of text.matchAll(tokens)) {
    if (/^['"]|^--|^\/\*|^::/.test(token)) {
      continue;
    }
    if (token.startsWith('$')) {
      return `dollar quotes (${token}…) are not understood by the Data API; use '…'`;
    }
    if (token === ';') {
      return 'a semicolon: a fragment is part of one statement';
    }
    if (!own.has(token)) {
      return `"${token}" would be taken for a parameter by the Data API; write array slices and the like another way`;
    }
  }
  return undefined;
}

const valuesOf = (statement: Sql): readonly unknown[] =>
  statement.values.flatMap((value) => (isSql(value) ? valuesOf(value) : [value]));

const sendable =
  'a string, a boolean, a finite number, a bigint from -(2^53 - 1) to 2^53 - 1, null, bytes (Uint8Array), or SQL (sql`…`)';

function isSendable(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'bigint':
      return Number.isSafeInteger(Number(value));
    default:
      return value === null || value instanceof Uint8Array;
  }
}

const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|::|\$[A-Za-z_]*\$|;|:\w+/g;
