import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ledgerScript } from '../functions/engine/ledger/schema.ts';
import type { Io } from './command/io.ts';
import { costPage } from './docs/cost-page.ts';
import { withFiles } from './docs/files.ts';
import { deadLinks } from './docs/links.ts';
import { machinePage } from './docs/machine-page.ts';
import { metricsPage } from './docs/metrics-page.ts';
import { pagesIn } from './docs/pages.ts';
import { roomsPage } from './docs/rooms-page.ts';
import { runbookProblems } from './docs/runbook.ts';
import { unprovenBlocks } from './docs/unproven.ts';
import { versioningPage } from './docs/versioning-page.ts';

/** What each document that is generated as a whole should be, from what it is now and the project's folder. */
const documents: Readonly<Record<string, (now: string, root: string) => Promise<string>>> = {
  'functions/engine/ledger/ledger.sql': async () =>
    `-- The ledger, for those who apply it themselves. Written by \`npm run docs\` from versions.ts; do not edit.\n\n${ledgerScript()}\n`,
  'docs/how-it-works/rooms.md': (_, root) => roomsPage(root),
  'docs/how-it-works/machine.md': machinePage,
  'docs/metrics.md': metricsPage,
  'docs/cost.md': costPage,
  'docs/versioning.md': versioningPage,
};

/** What `npm run docs` takes. */
export interface DocsOptions {
  /** Only say whether the documents are up to date. */
  readonly check: boolean;
  /** The project's folder, by default the one that this file is in. */
  readonly root?: string;
}

/**
 * `npm run docs`: writes the generated documents and blocks, or only checks them, and looks for links that lead nowhere, blocks of code that nobody
 * runs, and what the runbook lacks.
 */
export async function docs(
  io: { readonly err: Pick<Io['err'], 'write'> },
  { check, root = thisProject }: DocsOptions,
): Promise<number> {
  let stale = 0;
  const withBlocks = (await pagesIn(root)).filter((page) => !(page in documents));
  for (const [path, make] of [
    ...Object.entries(documents),
    ...withBlocks.map((page) => [page, withFiles] as const),
  ]) {
    const file = join(root, path);
    const now = await readFile(file, 'utf8').catch(() => '');
    const wanted = await make(now, root);
    if (wanted === now) {
      continue;
    }
    stale += 1;
    if (check) {
      io.err.write(`${path} is not up to date: run npm run docs\n`);
    } else {
      await writeFile(file, wanted);
    }
  }
  const dead = await deadLinks(root);
  for (const link of dead) {
    io.err.write(`a link that leads nowhere, in ${link}\n`);
  }
  const problems = [...(await unprovenBlocks(root)), ...(await runbookProblems(root))];
  for (const problem of problems) {
    io.err.write(`${problem}\n`);
  }
  return (check && stale > 0) || dead.length > 0 || problems.length > 0 ? 1 : 0;
}

const thisProject = fileURLToPath(new URL('../', import.meta.url));
