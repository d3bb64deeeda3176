import {
  array,
  boolean,
  type GenericSchema,
  type InferOutput,
  message,
  optional,
  pipe,
  regex,
  safeParse,
  string,
} from 'valibot';
import { labelled } from '../database/place.ts';
import { closed, isSql, type Sql, unsendable } from '../database/sql.ts';
import { MigrationFailed, messageOf, shown } from '../errors.ts';
import { parseDuration } from '../time/duration.ts';

/** Throws MigrationFailed with what was wrong, what was got, and what is allowed, unless the condition holds. */
export function checker(migration: string) {
  return (holds: boolean, option: string, got: unknown, allowed: string): void => {
    if (holds) {
      return;
    }
    throw new MigrationFailed(
      `migration "${migration}", ${option}: got ${shown(got)}, allowed is ${allowed}`,
    );
  };
}

/** A schema whose every problem says what is allowed. */
export function allowed<S extends GenericSchema>(schema: S, what: string): S {
  return message(schema, what) as S;
}

/** Options as an object schema says; its messages say what is allowed. Throws MigrationFailed for the first that is wrong. */
export function checkOptions<S extends GenericSchema & { readonly entries: object }>(
  migration: string,
  schema: S,
  options: unknown,
): InferOutput<S> {
  // One that is missing is told like one that is undefined, by its own message.
  const missing = Object.fromEntries(Object.keys(schema.entries).map((option) => [option, undefined]));
  const checked = safeParse(schema, { ...missing, ...(options as object) });
  if (checked.success) {
    return checked.output;
  }
  const [issue] = checked.issues;
  const option = issue.path?.map(({ key }) => String(key)).join('.') ?? 'options';
  checker(migration)(false, option, issue.input, issue.message);
  throw new TypeError('unreachable');
}

/** The schemas of the options that every migration has. */
export const everyMigration = {
  // 60 characters leave room for the names that are derived from it.
  name: allowed(
    pipe(string(), regex(/^[a-z][a-z0-9-]{0,59}$/)),
    'lower case letters, digits and hyphens, at most 60',
  ),
  rebuilds: optional(allowed(array(string()), 'names of follow-up jobs'), []),
  requires: optional(allowed(array(string()), 'names of migrations'), []),
  background: optional(allowed(boolean(), 'true or false'), false),
};

/**
 * A fragment of SQL as it becomes part of a statement: ended by a line break, so that a comment at its end ends there, too. Throws
 * MigrationFailed for one that is not SQL, or that the Data API would garble.
 */
export function checkSql(migration: string, option: string, fragment: Sql): Sql {
  checker(migration)(isSql(fragment), option, fragment, 'SQL, written as sql`…`');
  const problem = unsendable(fragment);
  if (problem !== undefined) {
    throw new MigrationFailed(`migration "${migration}", ${option}: ${problem}`);
  }
  return labelled(closed(fragment), option);
}

/** The seconds of an option that is a duration. Throws MigrationFailed for one that is none. */
export function checkDuration(migration: string, option: string, duration: string): number {
  return checkParsed(migration, option, () => parseDuration(duration));
}

/** What a parser makes of an option. Throws MigrationFailed for what the parser refuses, with the names of both. */
export function checkParsed<T>(migration: string, option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new MigrationFailed(`migration "${migration}", ${option}: ${messageOf(error)}`, { cause: error });
  }
}
