/** A registry with a migration more at its end. */
export interface Extended {
  readonly text: string;
  /** What the modules of its imports end in: `.js`, `.ts`, or nothing. */
  readonly extension: string;
}

/** One import, whole: the quote, the module, and the semicolon if it has one. */
const imports = /^import\b[^;'"]*(['"])([^'"\n]+)\1(;?)/gm;

/**
 * The array: what is before its contents, these, and its end. They are names, separated by commas, and comments; anything else is not
 * understood. Each alternative begins with other characters, so that there is one way alone to read it.
 */
const array =
  /^(export const migrations\b[^=]*=\s*\[)((?:\s|,|\/\/[^\n]*(?=\n)|\/\*[\s\S]*?\*\/|(?:\.\.\.)?[\w$]+(?![\w$]))*)\]/m;

/** Adds the import of a migration, and its name to the array, in the form that the others have. Undefined for a registry of another form. */
export function withMigration(registry: string, constant: string, migration: string): Extended | undefined {
  const lineEnd = registry.includes('\r\n') ? '\r\n' : '\n';
  const others = [...registry.matchAll(imports)];
  const last = others.at(-1);
  const found = array.exec(registry);
  if (last === undefined || found === null || last.index > found.index) {
    return undefined;
  }
  const [, quote = "'", , semicolon = ''] = last;
  const relative = others.map(([, , module = '']) => module).findLast((module) => module.startsWith('./'));
  const extension = relative === undefined ? '.js' : (/\.[cm]?[jt]s$/.exec(relative)?.[0] ?? '');
  const [, before = '', inside = ''] = found;
  const importsEnd = last.index + last[0].length;
  const start = found.index + before.length;
  const text = [
    registry.slice(0, importsEnd),
    `${lineEnd}${importOf(constant, `${quote}./${migration}${extension}${quote}`)}${semicolon}`,
    registry.slice(importsEnd, start),
    inside.includes('\n') ? withLine(inside, constant, lineEnd) : withName(inside, constant, lineEnd),
    registry.slice(start + inside.length),
  ].join('');
  return { text, extension };
}

/** What somebody has to add who does it by hand. */
export function byHand(constant: string, migration: string): string {
  return `  ${importOf(constant, `'./${migration}.js'`)};\n  and in the array, at its end: ${constant},\n`;
}

const importOf = (constant: string, module: string): string => `import { ${constant} } from ${module}`;

// More names than fit into a line of 80 characters with the declaration before them: formatters, too, give each a line then.
const longestInside = 34;

/** For an array that stands in one line. */
function withName(inside: string, constant: string, lineEnd: string): string {
  const present = inside.trim().replace(/,$/, '');
  const all = present === '' ? constant : `${present}, ${constant}`;
  if (all.length <= longestInside || inside.includes('/*')) {
    return all;
  }
  return `${lineEnd}${all
    .split(/\s*,\s*/)
    .map((name) => `  ${name},${lineEnd}`)
    .join('')}`;
}

/** For an array in which each name has a line. */
function withLine(inside: string, constant: string, lineEnd: string): string {
  // Comments as blanks, so that every place stays what it is.
  const names = inside.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => ' '.repeat(comment.length));
  const [last = '', name = '', comma = ','] = /([\w$]+)\s*(,?)\s*$/.exec(names) ?? [];
  const [, indentation = '  '] = /(?:^|\n)([ \t]*)\S[^\n]*$/.exec(names.trimEnd()) ?? [];
  const content = inside.trimEnd();
  const nameEnd = names.length - last.length + name.length;
  const separated = comma === '' ? `${content.slice(0, nameEnd)},${content.slice(nameEnd)}` : content;
  return `${separated}${lineEnd}${indentation}${constant}${comma}${inside.slice(content.length)}`;
}
