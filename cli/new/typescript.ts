// Control characters, what turns text round, and the two line ends of JavaScript that are no control characters.
const unseen = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

const written = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A text as TypeScript writes it: `'it\'s'`. */
export function literal(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&').replaceAll(unseen, written)}'`;
}

/** A text that stays within a comment of one line. */
export function inComment(text: string): string {
  return text.replaceAll(unseen, written);
}

/** The name of a property: bare where it may be. */
export function propertyName(name: string): string {
  if (name === '__proto__') {
    return "['__proto__']"; // bare or in quotes, an object would take the value for its prototype
  }
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
}

/** Texts as a list of TypeScript. */
export function listOf(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`;
}

/** The name of the constant for a migration: `users-full-name` is `usersFullName`. */
export function constantName(migration: string): string {
  const name = migration.replaceAll(/-+(.?)/g, (_, next: string) => next.toUpperCase());
  return taken.has(name) ? `${name}Migration` : name;
}

/** What means something else in the files that have it: words of the language, and names of what they import and declare. */
const taken: ReadonlySet<string> = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for
  function if implements import in instanceof interface let new null package private protected public return static super switch this
  throw true try typeof undefined var void while with yield after before backfill config identifier migrations ok rewrite row rows sql
  system test alterTables fillIn deepEqual afterAll beforeAll partitionsMissingColumn startTestSystem`.split(
    /\s+/,
  ),
);
