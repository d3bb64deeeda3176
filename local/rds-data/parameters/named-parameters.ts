/**
 * A caller's SQL as PostgreSQL gets it: each `:name` has become a `$n`, with an `n` of its own even when a name
 * occurs again.
 */
export interface RewrittenSql {
  readonly text: string;
  /** The names by position: `names[0]` is `$1`. */
  readonly names: readonly string[];
  /** Turns a position in `text` into the position in the caller's SQL. Both count characters from 1. */
  readonly locate: (position: number) => number;
}

/**
 * What the service's scanner skips, and the names it finds: strings, quoted identifiers, comments, casts. It does not
 * know dollar quoting or array slices, so here too the `:name` in `$$…$$` and the `:2` in `a[1:2]` are parameters.
 */
const token = /'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"|--[^\n]*|\/\*[\s\S]*?\*\/|::|:(\w+)/g;

/** Replaces named parameters by PostgreSQL's numbered ones. */
export function rewriteParameters(sql: string): RewrittenSql {
  const names: string[] = [];
  const replacements: Replacement[] = [];
  let text = '';
  let copied = 0; // characters of `sql` that are in `text` by now
  for (const match of sql.matchAll(token)) {
    const [original, name] = match;
    if (name === undefined) {
      continue;
    }
    names.push(name);
    const replacement = `$${names.length}`;
    text += sql.slice(copied, match.index);
    replacements.push({
      inSql: { start: match.index, length: original.length },
      inText: { start: text.length, length: replacement.length },
    });
    text += replacement;
    copied = match.index + original.length;
  }
  text += sql.slice(copied);

  const locate = (position: number): number => {
    const inText = unitsOf(text, position - 1);
    return charactersOf(sql, positionInSql(replacements, inText)) + 1;
  };
  return { text, names, locate };
}

/** One parameter: where its `:name` stands in the SQL, and its `$n` in the text, in UTF-16 units. */
interface Replacement {
  readonly inSql: Span;
  readonly inText: Span;
}

interface Span {
  readonly start: number;
  readonly length: number;
}

const endOf = ({ start, length }: Span): number => start + length;

/** Where something in the text comes from. A position within a `$n` comes from the start of its `:name`. */
function positionInSql(replacements: readonly Replacement[], position: number): number {
  const before = replacements.findLast(({ inText }) => inText.start <= position);
  if (before === undefined) {
    return position;
  }
  const { inSql, inText } = before;
  return position < endOf(inText) ? inSql.start : endOf(inSql) + (position - endOf(inText));
}

/** PostgreSQL counts characters; JavaScript counts UTF-16 units, two for an emoji. */
function unitsOf(text: string, characters: number): number {
  return [...text].slice(0, characters).join('').length;
}

function charactersOf(text: string, units: number): number {
  return [...text.slice(0, units)].length;
}
