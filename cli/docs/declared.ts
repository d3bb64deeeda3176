import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The fields of an interface, as its file declares them, those that it inherits not among them. Throws where there is none of this name, so
 * that documentation which names it cannot outlive it.
 */
export async function fieldsOf(root: string, path: string, name: string): Promise<readonly string[]> {
  const source = await readFile(join(root, path), 'utf8');
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(source)?.[1];
  const fields = [...(body ?? '').matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
  if (fields.length === 0) {
    throw new Error(`${path} declares no interface ${name} with fields, of which the documentation speaks`);
  }
  return fields;
}

/** What a package may be imported by, in the order of its `package.json`, and the names that each of these exports. */
export async function packageExports(
  root: string,
): Promise<readonly { readonly entry: string; readonly path: string; readonly names: readonly string[] }[]> {
  const { name, exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const entries = Object.entries(exports).flatMap(([entry, built]) =>
    typeof built === 'string'
      ? []
      : [[entry, built.default.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts')] as const],
  );
  return Promise.all(
    entries.map(async ([entry, path]) => {
      const source = await readFile(join(root, path), 'utf8');
      const handedOn = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) =>
        names.split(',').map((each) => each.trim().replace(/^type /, '')),
      );
      const own = /^export (?:async )?(?:function|const|class|interface|type) (\w+)/gm;
      const names = [...handedOn, ...[...source.matchAll(own)].map(([, each = '']) => each)].filter(Boolean);
      return { entry: join(name, entry), path, names: names.toSorted() };
    }),
  );
}

/** The keys of the context that a stack reads, in alphabetical order. */
export async function contextKeys(root: string): Promise<readonly string[]> {
  const files = await readdir(join(root, 'infra'), { recursive: true });
  const sources = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFile(join(root, 'infra', file), 'utf8'));
  const calls = /\b(?:fromContext|flag|text|wholeNumber)\(\w+, '(\w+)'\)/g;
  const keys = (await Promise.all(sources)).flatMap((source) =>
    [...source.matchAll(calls)].map(([, key = '']) => key),
  );
  return [...new Set(keys)].sort();
}
