import { listPrices } from '../../infra/prices.ts';
import { grouped } from '../output/format.ts';
import { ofBareStack } from './bare-stack.ts';
import { type AtRest, costAtRest } from './cost-at-rest.ts';
import { assumed, costOfRows } from './cost-of-rows.ts';

/** docs/cost.md: what the resources of a stage cost while nothing runs, and what a million rows cost. */
export async function costPage(): Promise<string> {
  const [staging, production] = [await atRest('staging'), await atRest('production')];
  const [backfill, rewrite] = [costOfRows('backfill'), costOfRows('rewrite')];
  return `<!-- Written by \`npm run docs\` from the synthesized stacks, the estimate that \`plan\` makes and the list prices; do not edit. -->

# What it costs

In dollars, by the list prices of ${listPrices.region} as of ${listPrices.asOf}, without free tiers, discounts and taxes. What a migration
of yours would cost, \`npx migrations plan\` says from rows that it tries.

## While nothing runs

By month, of a stage with a database of its own, which pauses in staging and keeps awake in production. On a cluster that is there already, the lines of Aurora and its secret are not added.

${table(
  ['', 'staging', 'production'],
  lines(staging, production).map(([what, ...each]) => [what, ...each.map(rounded)]),
)}

Functions, machines, networks and log groups cost nothing while nothing runs; what is left of logs, cents.

## For a million rows

In a run of a release, without rests: those cost nothing but the transitions of Waits, and time.

${table(
  ['', 'backfill', 'rewrite'],
  [
    ['takes', ...[backfill, rewrite].map(({ seconds }) => `${Math.round(seconds)} s`)],
    ['state transitions', ...[backfill, rewrite].map(({ usage }) => grouped(usage.state_transitions))],
    ['invocations', ...[backfill, rewrite].map(({ usage }) => grouped(usage.lambda_requests))],
    [
      'Data API requests of 32 KB',
      ...[backfill, rewrite].map(({ usage }) => grouped(usage.data_api_requests)),
    ],
    ...lines(parts(backfill.dollars), parts(rewrite.dollars)).map(([what, ...each]) => [
      `${what}, $`,
      ...each.map((dollars) => dollars.toFixed(4)),
    ]),
  ],
)}

Assumed: ${grouped(assumed.rowsPerSecond.backfill)} rows a second in a backfill and ${grouped(assumed.rowsPerSecond.rewrite)} in a rewrite, one
statement at a time; ${assumed.roundTrip * 1_000} ms to the Data API and back; ${assumed.rowBytes} bytes of a row that a rewrite reads and
writes; Aurora at ${assumed.capacity} ACU, and ${assumed.iosPerRow} I/O for each row; ${assumed.logBytesPerTransition / 1_000} KB of log for a
transition and ${assumed.logBytesPerInvocation / 1_000} for an invocation, kept for three months; metrics by the hour in which they are sent.

## The prices

${table(
  ['', '$'],
  Object.entries(listPrices).flatMap(([name, price]) =>
    typeof price === 'number' ? [[name.replaceAll('_', ' '), decimal(price)]] : [],
  ),
)}
`;
}

function atRest(stage: string): Promise<readonly AtRest[]> {
  return ofBareStack({ createDatabase: 'true', stage }, ({ assembly }) =>
    costAtRest(assembly.stacks.flatMap(({ template }) => Object.values(template.Resources))),
  );
}

const parts = (dollars: Readonly<Record<string, number>>): readonly AtRest[] =>
  Object.entries(dollars).map(([what, each]) => ({ what, dollars: each }));

/** What each thing costs here and there, and both sums. */
function lines(
  here: readonly AtRest[],
  there: readonly AtRest[],
): readonly (readonly [what: string, here: number, there: number])[] {
  const names = [...new Set([...here, ...there].map(({ what }) => what))];
  const of = (all: readonly AtRest[], name?: string) =>
    all.reduce((total, { what, dollars }) => total + (name === undefined || what === name ? dollars : 0), 0);
  return [
    ...names.map((name) => [name, of(here, name), of(there, name)] as const),
    ['all of it', of(here), of(there)],
  ];
}

const rounded = (dollars: number): string => dollars.toFixed(2);

/** Without an exponent. */
const decimal = (price: number): string => price.toFixed(10).replace(/\.?0+$/, '');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    `|${head.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}
