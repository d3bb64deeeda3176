import { spawnSync } from 'node:child_process';
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

const hasAws = spawnSync('aws', ['--version']).status === 0;
if (!hasAws) {
  console.warn('The aws command line is not installed: the samples of it are not run.');
}

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

  for (const block of runs) {
    // A command may take its time on a machine that has other things to do.
    test.skipIf(!hasAws && /\baws /.test(block.text))(
      `shows in line ${block.line} what its commands do`,
      () => check(page, block),
      180_000,
    );
  }
});

async function check(page: string, block: Block): Promise<void> {
  for (const command of block.first) {
    const { code, all } = await typed(command, { env });
    expect(code, `${command}\n${all}`).toBe(0);
  }
  const seen = await seenOf(block);
  if (saysTheSame(block.text, seen, block.language)) {
    return;
  }
  if (updates) {
    const text = readFileSync(root + page, 'utf8');
    await writeFile(
      root + page,
      text.replace(block.text, () => seen),
    );
  } else {
    expect(seen, 'the commands say something else than the page').toBe(block.text);
  }
}

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
