import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Code as it is unpacked for a function: in a place of its own, as `/var/task` is. */
export interface UnpackedCode {
  readonly file: string;
  readonly exportName: string;
  remove(): void;
}

/**
 * Copies a bundle out of the checkout. From there `require` finds what was bundled and nothing else, and no package.json
 * further up makes an ES module of a CommonJS file.
 */
export function unpack(folder: string, handler: string): UnpackedCode {
  const [, module, exportName] = /^(.+)\.([^.]+)$/.exec(handler) ?? [];
  if (module === undefined || exportName === undefined) {
    throw new Error(`A handler is <file>.<export>, as in index.handler; got ${handler}`);
  }
  const found = ['.mjs', '.js', '.cjs'].map((extension) => module + extension).find(existsIn(folder));
  if (found === undefined) {
    throw new Error(`No ${module}.mjs, .js or .cjs in ${folder}`);
  }
  const task = mkdtempSync(join(tmpdir(), 'lambda-'));
  cpSync(folder, task, { recursive: true });
  return {
    file: join(task, found),
    exportName,
    remove: () => rmSync(task, { recursive: true, force: true }),
  };
}

function existsIn(folder: string): (file: string) => boolean {
  return (file) => existsSync(join(folder, file));
}
