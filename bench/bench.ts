import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { runMachine } from './chain.ts';
import { figuresOf } from './figures.ts';
import { thisMachine } from './machine.ts';
import { page } from './page.ts';
import { takePictures } from './pictures.ts';
import { openPlace } from './place.ts';
import { asText } from './printed.ts';
import { measureRound, type Round } from './rounds.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const given = process.argv.slice(2);
const { rows, rounds, json, plot } = new Command('npm run bench --')
  .description('measures the engine against the obvious alternatives, on this machine, in one run')
  .option('--rows <n>', 'rows of the large backfill; the other tables scale with it', wholeNumber, 1_000_000)
  .option('--rounds <n>', 'how often each is measured; the median counts', atLeastOne, 3)
  .option('--json', 'print the figures as JSON', false)
  .option(
    '--plot [folder]',
    'write pictures, and a page with them and the figures; into docs/bench unless a folder is named',
  )
  .parse()
  .opts<{ rows: number; rounds: number; json: boolean; plot?: string | true }>();

const sizes = {
  rows,
  small: Math.ceil(rows / 10),
  documents: Math.min(Math.ceil(rows / 5), 200_000),
};
const say = (text: string) => process.stderr.write(`${text}\n`);

const place = await openPlace();
try {
  const machine = await thisMachine(place.client);
  await place.empty();
  await runMachine(place.near); // creates the ledger, and warms the function up
  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    measured.push(await measureRound(place, sizes));
  }
  const figures = figuresOf(measured, sizes, machine.processors);
  process.stdout.write(`${json ? JSON.stringify(figures, null, 2) : asText(figures)}\n`);
  if (plot !== undefined) {
    say('the pictures');
    const folder = plot === true ? join('docs', 'bench') : plot;
    const command = ['npm run bench --', ...given].join(' ');
    const text = page({ figures, machine, rows, rounds, at: Date.now(), command });
    await writeAll(folder, { ...(await takePictures(place, rows)), 'README.md': text });
    say(`wrote ${folder}`);
  }
} finally {
  await place.close();
}

async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
  }
}

function atLeastOne(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) {
    return value;
  }
  throw new InvalidArgumentError('It must be a whole number, at least 1.');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 10_000) {
    return value;
  }
  throw new InvalidArgumentError('It must be a whole number, at least 10000.');
}
