import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Block, blocksOf } from './blocks.ts';
import { pagesIn } from './pages.ts';

/** Pages that `npm run docs` writes as a whole begin so. */
const generated = '<!-- Written by `npm run docs` ';

/** Blocks of code on the project's pages of which nobody says how they are known to be right: `README.md:20: …`. */
export async function unprovenBlocks(root: string): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const page of await pagesIn(root)) {
    const text = await readFile(join(root, page), 'utf8');
    if (text.startsWith(generated)) {
      continue;
    }
    for (const block of blocksOf(text)) {
      const problem = await problemOf(root, page, block);
      if (problem !== undefined) {
        problems.push(`${page}:${block.line}: ${problem}`);
      }
    }
  }
  return problems;
}

async function problemOf(root: string, page: string, { mark, language }: Block): Promise<string | undefined> {
  switch (mark?.kind) {
    case undefined:
      return 'nobody runs this block of code, or says why not: CONTRIBUTING.md#add-a-block-of-code-to-a-page';
    case 'run by': {
      const test = await readFile(join(root, mark.test), 'utf8').catch(() => undefined);
      if (test === undefined) {
        return `there is no test ${mark.test}`;
      }
      // Whoever changes one of the two has to find the other.
      const name = page.replace(/\.md$/, '');
      return test.includes(name)
        ? undefined
        : `${mark.test} does not name ${name}, whose block it is said to run`;
    }
    case 'run':
      return mark.command === undefined && !runnable.has(language)
        ? `a block of ${language || 'no language'} cannot be run: it is sh, or console with its output`
        : undefined;
    default:
      return undefined;
  }
}

/** Languages of blocks that have commands in them. */
const runnable: ReadonlySet<string> = new Set(['sh', 'console']);
