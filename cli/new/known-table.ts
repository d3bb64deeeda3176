import { array, string } from 'valibot';
import type { Database } from '../../functions/engine/database/data-api.ts';
import { json } from '../../functions/engine/database/row-shape.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { type Form, formOf, tableInCatalog } from '../../functions/engine/database/table.ts';

/** What a database says of the table of a new migration. */
export interface KnownTable {
  readonly schema: string;
  /** The columns of its primary key, or else of the shortest unique index without NULLs; undefined if it has neither. */
  readonly key: readonly string[] | undefined;
  readonly columns: readonly KnownColumn[];
}

export interface KnownColumn {
  readonly name: string;
  /** As SQL has to write it: bare where that is the same. */
  readonly quoted: string;
  readonly type: string;
  readonly form: Form;
  readonly isNotNull: boolean;
}

/** Asks for a table, named as migrations name theirs. Undefined where there is none of this name. */
export async function knownTable(
  database: Pick<Database, 'query'>,
  table: string,
): Promise<KnownTable | undefined> {
  const found = await tableInCatalog(database, table);
  if (found === undefined) {
    return undefined;
  }
  const columns = found.columns ?? [];
  const [{ quoted } = { quoted: [] }] = await database.query(
    sql`
    SELECT COALESCE(json_agg(quote_ident(name) ORDER BY place), '[]')::text AS quoted
    FROM json_array_elements_text(${JSON.stringify(columns.map(({ name }) => name))}::json) WITH ORDINALITY AS c (name, place)`,
    { quoted: json(array(string())) },
  );
  const notNull = new Set(columns.flatMap(({ name, not_null }) => (not_null ? [name] : [])));
  return {
    schema: found.schema,
    key: found.unique_keys.find((key) => key.every((column) => notNull.has(column))),
    columns: columns.map(({ name, type, base, not_null }, i) => ({
      name,
      quoted: quoted[i] ?? name,
      type,
      form: formOf(base),
      isNotNull: not_null,
    })),
  };
}
