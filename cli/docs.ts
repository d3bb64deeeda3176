import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ledgerScript } from '../functions/engine/ledger/schema.ts';
import type { Io } from './command/io.ts';
import { machinePage } from './docs/machine-page.ts';
import { roomsPage } from './docs/rooms-page.ts';

const root = new URL('../', import.meta.url);

/** What each generated document should be, from what it is now. */
const documents: Readonly<Record<string, (now: string) => Promise<string>>> = {
  'functions/engine/ledger/ledger.sql': async () =>
    `-- The ledger, for those who apply it themselves. Written by \`npm run docs\` from schema.ts; do not edit.\n\n${ledgerScript()}\n`,
  'README.md': withFiles,
  'docs/how-it-works/rooms.md': () => roomsPage(fileURLToPath(root)),
  'docs/how-it-works/machine.md': machinePage,
};

/** `npm run docs`: writes the generated documents; with `check`, only says whether they are up to date. */
export async function docs(io: Io, { check }: { readonly check: boolean }): Promise<number> {
  let stale = 0;
  for (const [path, make] of Object.entries(documents)) {
    const url = new URL(path, root);
    const now = await readFile(url, 'utf8').catch(() => '');
    const wanted = await make(now);
    if (wanted === now) {
      continue;
    }
    stale += 1;
    if (check) {
      io.err.write(`${path} is not up to date: run npm run docs\n`);
    } else {
      await writeFile(url, wanted);
    }
  }
  return check && stale > 0 ? 1 : 0;
}

/** Puts files of the project, whole, between `<!-- file: PATH -->` and the `<!-- end -->` after it. */
async function withFiles(markdown: string): Promise<string> {
  const pieces = markdown.split(/(<!-- file: \S+ -->\n)[\s\S]*?(<!-- end -->)/);
  const filled = pieces.map(async (piece) => {
    const path = /^<!-- file: (\S+) -->/.exec(piece)?.[1];
    if (path === undefined) {
      return piece;
    }
    const language = path.split('.').at(-1);
    return `${piece}\`\`\`${language}\n${await readFile(new URL(path, root), 'utf8')}\`\`\`\n`;
  });
  return (await Promise.all(filled)).join('');
}
