import { durationText } from '../../functions/engine/time/duration.ts';
import { grouped, localTime } from '../output/format.ts';
import { table } from '../output/table.ts';
import type { prices as allPrices, Cost, Usage } from './cost.ts';
import type { MigrationReport } from './report.ts';

/** A plan as a whole. */
export interface Whole {
  readonly migrations: readonly MigrationReport[];
  readonly run: { readonly usage: Usage; readonly dollars: Cost };
  readonly prices: typeof allPrices;
}

/** A plan for people. */
export function inWords({ migrations, run, prices }: Whole): string {
  return [
    ...migrations.map(one),
    facts([
      ['the run', `${usage(run.usage)}: ${dollars(run.dollars.total)}`],
      [
        'prices',
        `${prices.region}, in dollars: ${prices.step_functions_per_1000_transitions} per 1,000 state transitions; Lambda (arm64) ` +
          `${prices.lambda_arm64_per_gb_second} per GB-second and ${prices.lambda_per_million_requests} per million requests; ` +
          `Data API ${prices.data_api_per_million_requests} per million requests of up to 32 KB`,
      ],
      ['not included', prices.not_included],
      [
        'changed',
        'nothing: what was tried was rolled back. Its rows were locked meanwhile, for seconds at most',
      ],
    ]),
    '',
  ].join('\n');
}

function one(report: MigrationReport): string {
  const { name, kind, pending, paused, state, rows, tables, trial, duration } = report;
  const lines: (readonly [string, string])[] = [];
  const notes = report.notes.map((note) => ['note', note] as const);
  if (rows) {
    const left = `${grouped(rows.left)} need the change (${rows.left_is})`;
    lines.push(['rows', `${left}, of ${grouped(rows.to_look_at)} to look at (${rows.to_look_at_is})`]);
  }
  if (tables) {
    lines.push(['tables', `${grouped(tables.length)} lack the change: ${listed(tables)}`]);
  }
  if (trial) {
    const rate = trial.rows_per_second === null ? '' : `, ${grouped(trial.rows_per_second)} rows a second`;
    const failing = trial.errors > 0 ? `, ${grouped(trial.errors)} would fail` : '';
    lines.push([
      'tried',
      `${grouped(trial.rows)} rows, rolled back: ${grouped(trial.updated)} changed${failing}${rate}`,
    ]);
  }
  if (duration) {
    const resting =
      duration.seconds > duration.working_seconds * 1.1
        ? `, ${durationText(duration.working_seconds)} of it working`
        : '';
    lines.push([
      'takes',
      `${durationText(duration.seconds)}${resting}; ${paused ? 'resumed' : 'begun'} now, it ends ${localTime(duration.ends_at)}`,
    ]);
    lines.push([
      'batches',
      `${grouped(report.batches ?? 0)} of up to ${grouped(report.rows_per_batch ?? 0)} rows, each locked for ` +
        `${Math.ceil((report.locked_seconds ?? 0) * 1_000)} ms at most, in ${counted(report.lanes ?? 1, 'lane')} and ${counted(report.slices ?? 0, 'slice')}`,
    ]);
  }
  if (pending) {
    const leftOut = paused ? ', left out of the run' : '';
    lines.push(['uses', `${usage(report.usage)}: ${dollars(report.dollars.total)}${leftOut}`]);
  }
  for (const problem of report.problems) {
    lines.push(['IN THE WAY', problem]);
  }
  return [
    `${name} (${kind}, ${state}): ${pending ? 'pending' : 'nothing to do'}`,
    // That it is paused is to be read before how long it takes.
    indented(facts(paused ? [...notes, ...lines] : [...lines, ...notes])),
    indented(differences(report)),
    indented(failing(report)),
  ]
    .filter((part) => part !== '')
    .join('\n')
    .concat('\n');
}

function differences({ differences: found = [] }: MigrationReport): string {
  const rows = found.flatMap(({ key, changes }) =>
    Object.entries(changes).map(([column, [before, after]]) => [key, column, value(before), value(after)]),
  );
  return rows.length === 0 ? '' : table(['key', 'column', 'before', 'after'], rows).trimEnd();
}

function failing({ would_fail: found = [] }: MigrationReport): string {
  const rows = found.map(({ key, reason, sqlstate }) => [key, reason, sqlstate ?? '']);
  return rows.length === 0 ? '' : table(['key', 'would fail', 'SQLSTATE'], rows).trimEnd();
}

// As much as fits a line of a terminal twice; --json has more.
const value = (text: string | null): string =>
  text === null ? 'NULL' : text.length > 60 ? `${text.slice(0, 60)}…` : text;

function usage({ state_transitions, lambda_requests, lambda_seconds, data_api_requests }: Usage): string {
  return (
    `${counted(state_transitions, 'state transition')}, ${counted(lambda_requests, 'Lambda invocation')} ` +
    `(${durationText(lambda_seconds)}), ${counted(data_api_requests, 'Data API request')}`
  );
}

const counted = (count: number, what: string): string => `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;

/** Cents where there are any, else what there is: most migrations cost less than one. */
function dollars(amount: number): string {
  return `$${amount >= 1 ? grouped(Number(amount.toFixed(2))) : Number(amount.toPrecision(2))}`;
}

const mostListed = 5;

function listed(names: readonly string[]): string {
  const rest = names.length - mostListed;
  return names.slice(0, mostListed).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function facts(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...lines.map(([name]) => name.length));
  return lines.map(([name, what]) => `${name.padEnd(width)}  ${what}`).join('\n');
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');
