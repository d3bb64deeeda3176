import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/**
 * Loads the module of a config file, TypeScript or not, as ES modules whatever its package.json says. With tsx, a project of CommonJS modules
 * would load the engine a second time for itself, and two engines in a process do not know each other's errors and settings.
 *
 * It is bundled for that, without packages, into the project's folder, from which Node finds them, and removed when the process ends. What is
 * imported only when it is needed stays so.
 */
export async function configModule(file: string): Promise<unknown> {
  const outdir = temporaryFolder(dirname(file));
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  const name = basename(file, extname(file));
  await build({
    entryPoints: { [name]: file },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    sourcemap: 'inline',
    define: Object.fromEntries(Object.entries(ownPlace).map(([asked, { name }]) => [asked, name])),
    plugins: [keepsItsPlace],
    logLevel: 'silent', // what it throws says the same
  });
  return import(pathToFileURL(join(outdir, `${name}.mjs`)).href);
}

function temporaryFolder(root: string): string {
  const modules = join(root, 'node_modules');
  const parent = existsSync(modules) ? join(modules, '.cache') : join(root, '.local');
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'migrations-config-'));
}

/** How a module asks where it is, the name that stands there instead, and what that is. */
const ownPlace: Readonly<Record<string, { readonly name: string; of(path: string): string }>> = {
  'import.meta.url': { name: '__ownUrl', of: (path) => pathToFileURL(path).href },
  'import.meta.filename': { name: '__ownFile', of: (path) => path },
  'import.meta.dirname': { name: '__ownFolder', of: dirname },
  __filename: { name: '__ownFile', of: (path) => path },
  __dirname: { name: '__ownFolder', of: dirname },
};

/** Each file of the project is where it was, for itself. */
const keepsItsPlace: Plugin = {
  name: 'keeps-its-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
      const places = new Map(Object.values(ownPlace).map(({ name, of }) => [name, of(path)]));
      const consts = [...places]
        .map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`)
        .join(' ');
      const loader = /tsx?$/.test(path) ? (path.endsWith('x') ? 'tsx' : 'ts') : 'js';
      // On the line of the first statement, so that lines stay what they were.
      return { contents: `${consts} ${await readFile(path, 'utf8')}`, loader };
    });
  },
};
