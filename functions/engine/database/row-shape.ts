import {
  array,
  custom,
  type GenericSchema,
  type InferOutput,
  type ObjectEntries,
  object,
  parseJson,
  pipe,
  safeParse,
  string,
} from 'valibot';
import { DatabaseError } from '../errors.ts';

/** The columns of a query's rows, a schema for each: `{ status: string(), cursor: nullable(key) }`. */
export type Shape = ObjectEntries;

/** A row of that shape. Columns that the shape does not name are not in it. */
export type RowOf<S extends Shape> = InferOutput<ReturnType<typeof object<S>>>;

/** A column of JSON, selected as text (`m.cursor::text`), whose value is of this schema. */
export function json<T>(schema: GenericSchema<unknown, T>) {
  return pipe(string(), parseJson(), schema);
}

/** A column of JSON, selected as text, that nobody but this code writes: its value is not looked into. */
export function ownJson<T>() {
  return json(custom<T>(() => true));
}

/** A key as the ledger keeps it, selected as text: an array of texts, one for each of the key's columns. */
export const key = json(array(string()));

/**
 * Rows that came, as the shape says. Throws DatabaseError for one of another shape: the migration's fault, since neither a
 * row of the table nor the moment is to blame.
 */
export function shaped<S extends Shape>(
  shape: S,
  rows: readonly Readonly<Record<string, unknown>>[],
): RowOf<S>[] {
  const schema = object(shape);
  return rows.map((row) => {
    const checked = safeParse(schema, row);
    if (checked.success) {
      return checked.output;
    }
    const [{ path, message }] = checked.issues;
    throw new DatabaseError(
      `the column ${String(path?.[0]?.key)} is not what it should be: ${message}`,
      'migration',
      null,
    );
  });
}
