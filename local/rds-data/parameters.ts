/** A caller's SQL as PostgreSQL gets it: every `:name` is a `$n` of its own, even one that occurs again. */
export interface Rewritten {
  readonly text: string;
  /** The names by position: `names[0]` is `$1`. */
  readonly names: readonly string[];
  /** Leads a position in `text` back to the one in the caller's SQL. Both count characters from 1. */
  locate(position: number): number;
}

interface Occurrence {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/**
 * What the service's scanner knows: quotes, comments, casts, names. Dollar quoting and slices it does not know, so a
 * `:name` in `$$…$$` and the `:2` of `a[1:2]` are parameters here too.
 */
const token = /'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"|--[^\n]*|\/\*[\s\S]*?\*\/|::|:(\w+)/g;

/** Replaces named parameters by PostgreSQL's. */
export function rewriteParameters(sql: string): Rewritten {
  const names: string[] = [];
  const occurrences: Occurrence[] = [];
  let text = '';
  let end = 0;
  for (const match of sql.matchAll(token)) {
    const name = match[1];
    if (name === undefined) {
      continue;
    }
    names.push(name);
    const replacement = `$${names.length}`;
    text += sql.slice(end, match.index);
    occurrences.push({ from: match.index, to: text.length, length: replacement.length });
    text += replacement;
    end = match.index + match[0].length;
  }
  text += sql.slice(end);
  return { text, names, locate: (position) => locate(sql, text, names, occurrences, position) };
}

function locate(
  sql: string,
  text: string,
  names: readonly string[],
  occurrences: readonly Occurrence[],
  position: number,
): number {
  const inText = [...text].slice(0, position - 1).join('').length;
  let inSql = inText;
  for (const [index, { from, to, length }] of occurrences.entries()) {
    if (to > inText) {
      break;
    }
    const originalLength = 1 + (names[index]?.length ?? 0);
    inSql = inText < to + length ? from : from + originalLength + (inText - to - length);
  }
  return [...sql.slice(0, inSql)].length + 1;
}
