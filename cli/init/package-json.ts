import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { object, optional, parseJson, pipe, record, safeParse, string } from 'valibot';
import { Misuse } from '../command/misuse.ts';

/** The package.json of somebody's project. */
export interface PackageJson {
  readonly path: string;
  readonly text: string;
  readonly scripts: Readonly<Record<string, string>>;
  /** The packages that it names, for whatever purpose. */
  readonly packages: ReadonlySet<string>;
}

/**
 * Reads it. Throws Misuse where there is none in this folder, and for one that npm could not read either.
 */
export function readPackageJson(root: string): PackageJson {
  const path = join(root, 'package.json');
  if (!existsSync(path)) {
    throw new Misuse(`there is no package.json in ${root}: ${whereElse(root)}`);
  }
  const text = readFileSync(path, 'utf8');
  const read = safeParse(pipe(string(), parseJson(), schema), withoutMark(text));
  if (!read.success) {
    throw new Misuse(`${path} is not what npm takes: ${read.issues[0].message}`);
  }
  const { scripts, ...packages } = read.output;
  return { path, text, scripts, packages: new Set(Object.values(packages).flatMap(Object.keys)) };
}

const packages = optional(record(string(), string()), {});
const schema = object({
  scripts: optional(record(string(), string()), {}),
  dependencies: packages,
  devDependencies: packages,
  peerDependencies: packages,
  optionalDependencies: packages,
});

/** The same file with a script more, in the indentation and with the line ends that it has, as npm itself would write it. */
export function withScript({ text }: PackageJson, name: string, script: string): string {
  const content = JSON.parse(withoutMark(text)) as { scripts?: Record<string, string> };
  const [, indentation = '  '] = /^([ \t]+)"/m.exec(text) ?? [];
  const scripts = { ...content.scripts, [name]: script };
  const [end = ''] = /\s*$/.exec(text) ?? [];
  const json = JSON.stringify({ ...content, scripts }, null, indentation);
  const lines = text.includes('\r\n') ? json.replaceAll('\n', '\r\n') : json;
  return `${text.startsWith(mark) ? mark : ''}${lines}${end}`;
}

/** Of byte order, with which some editors begin a file. */
const mark = '\ufeff';
const withoutMark = (text: string): string => (text.startsWith(mark) ? text.slice(1) : text);

function whereElse(root: string): string {
  for (let folder = dirname(root); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) {
      return `go to the folder of one, such as ${folder}, or make one with npm init`;
    }
    if (folder === dirname(folder)) {
      return 'go to the folder of one, or make one with npm init';
    }
  }
}
