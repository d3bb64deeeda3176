import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const ignored: ReadonlySet<string> = new Set(['node_modules', '.local', 'cdk.out', '.git']);

/** The Markdown pages of a project, by their paths from its folder on. */
export async function pagesIn(root: string, folder = ''): Promise<readonly string[]> {
  const pages: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !ignored.has(entry.name)) {
      pages.push(...(await pagesIn(root, path)));
    } else if (entry.name.endsWith('.md')) {
      pages.push(path);
    }
  }
  return pages.sort();
}
