import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The path of a module that a function of ours is bundled from: TypeScript in this repository, JavaScript where the package is installed.
 *
 * @param from `import.meta.url` of who asks, whose extension it has.
 * @param path The module's path from there, without its extension.
 */
export function functionFile(from: string, path: string): string {
  return fileURLToPath(new URL(`${path}${extname(from)}`, from));
}
