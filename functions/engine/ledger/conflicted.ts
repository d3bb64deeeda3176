import { array, pipe, string, transform } from 'valibot';
import { type Sql, sql } from '../database/sql.ts';
import type { Key } from '../database/table.ts';

// The keys of rows that the application changed between our read and our write, as the ledger lists them. A page may have thousands of them, but a
// row of a result has 64 KB at most: who reads the list gets its first keys, which come first anyway, and its length.

// With four bytes each, these characters leave some KB to the other columns.
const mostCharacters = 15_000;

/** Of the line `m` of a migration or a range: the first keys of its list, as text that may be cut off, and how many keys the list has. */
export const columnsOfConflicted = (): Sql =>
  sql`left(m.conflicted::text, ${mostCharacters}::integer) AS conflicted, CASE jsonb_typeof(m.conflicted) WHEN 'array' THEN jsonb_array_length(m.conflicted) ELSE 0 END AS conflicted_count`;

/** The keys that are whole in a text that may be cut off. */
export const firstKeys = pipe(
  string(),
  transform((text): unknown => {
    let keys = parsed(text);
    // Text of a key may look like the end of another; what is left of such a text is no JSON.
    for (let end = text.length; keys === undefined && end >= 0; ) {
      end = text.lastIndexOf(betweenKeys, end - 1);
      keys = end < 0 ? [] : parsed(`${text.slice(0, end)}"]]`);
    }
    return keys ?? [];
  }),
  array(array(string())),
);

const betweenKeys = '"], ["';

function parsed(text: string): Key[] | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What tells which rows are to be read again. */
export interface Conflicted {
  /** The first of their keys: as many as a result takes. */
  readonly conflicted: readonly Key[];
  /** How many there are in all. */
  readonly conflictedCount: number;
}

/** The keys that are not among others. */
function keysWithout(keys: readonly Key[], others: readonly Key[]): Key[] {
  const gone = new Set(others.map((key) => JSON.stringify(key)));
  return keys.filter((key) => !gone.has(JSON.stringify(key)));
}

/** How many keys the list has without some of its first ones. */
export function countWithout({ conflicted, conflictedCount }: Conflicted, others: readonly Key[]): number {
  return conflictedCount - conflicted.length + keysWithout(conflicted, others).length;
}

/** The list of the line `m` without some of its first keys, as jsonb. */
export function listWithout({ conflicted, conflictedCount }: Conflicted, others: readonly Key[]): Sql {
  const left = sql`${JSON.stringify(keysWithout(conflicted, others))}::jsonb`;
  return conflictedCount === conflicted.length
    ? left
    : sql`${left} || (
        SELECT jsonb_agg(c.key ORDER BY c.number) FROM jsonb_array_elements(m.conflicted) WITH ORDINALITY AS c (key, number)
        WHERE c.number > ${conflicted.length})`;
}
