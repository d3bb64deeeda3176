import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Block, blocksOf } from '../../cli/docs/blocks.ts';
import { pagesIn } from '../../cli/docs/pages.ts';
import { prepareDemo } from '../support/demo.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { saysTheSame } from './same-text.ts';
import { typed } from './shell.ts';
import { transcriptOf } from './transcript.ts';

// Runs what the pages of the documentation show, each page from new demo data on, in the order in which it is read. UPDATE_PAGES=yes writes what
// commands say into the pages, where it differs by more than numbers.

const root = fileURLToPath(new URL('../../', import.meta.url));
const updates = process.env.UPDATE_PAGES === 'yes';

const pages = (await pagesIn(root)).flatMap((page) => {
  const runs = blocksOf(readFileSync(root + page, 'utf8')).filter(({ mark }) => mark?.kind === 'run');
  return runs.length > 0 ? [{ page, runs }] : [];
});

let runtime: TestRuntime;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  // As it is on AWS: seconds are as long, and rows stay in the database.
  runtime = await startTestRuntime({ secondMs: 1_000, environment: { SHOW_ROW_DATA: 'false' } });
  await runtime.database.query(`ALTER DATABASE ${runtime.database.name} SET search_path = demo, public`);
  env = {
    ...runtime.clientEnvironment,
    // What a page tells its reader to know: the database, the machine, and a region for the aws command line.
    DATABASE_URL: runtime.database.url,
    MACHINE_ARN: runtime.migrationsMachineArn,
    AWS_DEFAULT_REGION: runtime.clientEnvironment.AWS_REGION as string,
  };
});
afterAll(() => runtime.close());

describe.each(pages)('$page', ({ page, runs }) => {
  beforeAll(async () => {
    await runtime.reset();
    await prepareDemo({ connectionString: runtime.database.url }, true);
  });

  test.each(runs.map((block) => [block.line, block] as const))(
    'says in line %i what its commands do',
    async (_, block) => {
      for (const command of block.first) {
        const { code, all } = await typed(command, { env });
        expect(code, `${command}\n${all}`).toBe(0);
      }
      const seen = await seenOf(block);
      if (updates && !saysTheSame(block.text, seen, block.language)) {
        await writeInto(page, block.text, seen);
      } else if (!saysTheSame(block.text, seen, block.language)) {
        expect(seen, 'what the commands say is not what the page shows').toBe(block.text);
      }
    },
    180_000,
  );
});

/** What the block should show. */
async function seenOf({ mark, language, text }: Block): Promise<string> {
  const whole = mark?.kind === 'run' ? mark.command : undefined;
  if (whole !== undefined) {
    const { code, stdout, all } = await typed(whole, { env });
    expect(code, all).toBe(0);
    return stdout;
  }
  if (language === 'sh') {
    const { code, all } = await typed(text, { env });
    expect(code, all).toBe(0);
    return text;
  }
  let seen = '';
  for (const { command, until } of transcriptOf(text)) {
    const isEnough = (all: string) => saysTheSame(`${until}…`, all, language);
    const { all } = await typed(command, { env, ...(until !== undefined && { until: isEnough }) });
    seen += `$ ${command}\n${all}`;
  }
  return seen;
}

async function writeInto(page: string, shown: string, seen: string): Promise<void> {
  const text = readFileSync(root + page, 'utf8');
  await writeFile(
    root + page,
    text.replace(shown, () => seen),
  );
}
