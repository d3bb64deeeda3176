import { expect, it } from 'vitest';
import type { Figure } from '../../bench/figures.ts';
import { page } from '../../bench/page.ts';
import { asMarkdown, asText } from '../../bench/printed.ts';

const figures: readonly Figure[] = [
  { name: 'backfill | rewrite', value: 0.97, unit: '×', target: '>= 0.95', met: true, runs: [0.9, 0.97, 1] },
  { name: 'its worst', value: 4.2, unit: '×', target: '<= 4', met: false, runs: [4.2, 4.2, 4.2] },
  { name: 'limit', value: 210_000.4, unit: '', target: null, met: null, runs: [1, 210_000.4, Number.NaN] },
];

it('Each figure is printed with its target, whether it is met, and what each round measured', () => {
  expect(asText(figures).split('\n')).toEqual([
    'what                median   target           its 3 rounds',
    'backfill | rewrite  0.97 ×   >= 0.95  met     0.90 0.97 1.00',
    'its worst           4.20 ×   <= 4     missed  4.20 4.20 4.20',
    'limit               210,000                   1.00 210,000 NaN',
  ]);
});

it('In Markdown, what a cell says does not end it', () => {
  const lines = asMarkdown(figures).split('\n');
  expect(lines).toContain('| backfill \\| rewrite | 0.97 × | >= 0.95 | met | 0.90 0.97 1.00 |');
  expect(new Set(lines.map((line) => line.replaceAll('\\|', '').split('|').length))).toEqual(new Set([7]));
});

it('The page says by which command and on what machine it was made, and shows all pictures', () => {
  const machine = {
    processors: 2,
    model: 'A | B',
    memory: 16,
    load: 0.25,
    node: '20.1.2',
    postgres: '17.10',
  };
  const command = 'npm run bench -- --plot';
  const text = page({ figures, machine, rows: 1_000_000, rounds: 3, at: 0, command });
  for (const said of [
    '2 × A \\| B, 16 GiB',
    'load average of 0.3 ',
    '20.1.2',
    '17.10',
    '1,000,000',
    '1970-01-01',
    command,
  ]) {
    expect(text).toContain(said);
  }
  expect([...text.matchAll(/\]\((\w+\.svg)\)/g)].map(([, file]) => file)).toEqual([
    'latency.svg',
    'rate.svg',
    'pace.svg',
  ]);
});
