import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pagesIn } from './pages.ts';

/** Links in the project's Markdown that lead nowhere: the page and the link, `README.md: docs/no-such.md`. */
export async function deadLinks(root: string): Promise<readonly string[]> {
  const dead: string[] = [];
  for (const page of await pagesIn(root)) {
    const text = withoutCode(await readFile(join(root, page), 'utf8'));
    for (const [, inline, reference] of text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: *(\S+)/gm)) {
      const link = inline ?? reference ?? '';
      if (!/^\w+:/.test(link) && !(await leadsSomewhere(root, page, link))) {
        dead.push(`${page}: ${link}`);
      }
    }
  }
  return dead.sort();
}

const withoutCode = (markdown: string): string => markdown.replaceAll(/```[\s\S]*?```/g, '');

async function leadsSomewhere(root: string, page: string, link: string): Promise<boolean> {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, target))) {
    return false;
  }
  if (anchor === undefined || !target.endsWith('.md')) {
    return true;
  }
  return anchorsOf(await readFile(join(root, target), 'utf8')).includes(anchor);
}

/** The anchors that the headings of a page get: `Start a run` is `start-a-run`, and a second one `start-a-run-1`. */
function anchorsOf(markdown: string): readonly string[] {
  const names = [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\s-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
  return names.map((name, place) => {
    const before = names.slice(0, place).filter((other) => other === name).length;
    return before === 0 ? name : `${name}-${before}`;
  });
}
