import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A function's code in a folder of its own, as Lambda unpacks it into `/var/task`. */
export interface UnpackedCode {
  /** The file that exports the handler. */
  readonly file: string;
  readonly exportName: string;
  /** Removes the folder. */
  remove(): void;
}

/**
 * Copies a bundle out of the checkout. From there `require` finds only what was bundled, and no package.json of the
 * checkout makes an ES module of a CommonJS file.
 *
 * @param folder The bundle.
 * @param handler `<file>.<export>`, without the file's extension.
 * @throws when the handler is not of that form, or the bundle has no such file.
 */
export function unpackCode(folder: string, handler: string): UnpackedCode {
  const [, module, exportName] = /^(.+)\.([^.]+)$/.exec(handler) ?? [];
  if (module === undefined || exportName === undefined) {
    throw new Error(`A handler is <file>.<export>, as in index.handler; got ${handler}`);
  }
  const found = ['.mjs', '.js', '.cjs']
    .map((extension) => module + extension)
    .find((file) => existsSync(join(folder, file)));
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
