import type { Figure } from './figures.ts';
import type { Machine } from './machine.ts';
import { asMarkdown } from './printed.ts';

/** What a page of figures says of itself. */
export interface Measured {
  readonly figures: readonly Figure[];
  readonly machine: Machine;
  readonly rows: number;
  readonly rounds: number;
  /** When, in ms since 1970. */
  readonly at: number;
  /** What was typed. */
  readonly command: string;
}

/** The page in Markdown that shows the pictures and the table, and says what they were made on. */
export function page({ figures, machine, rows, rounds, at, command }: Measured): string {
  const { processors, model, memory, load, node, postgres } = machine;
  return `<!-- Written by \`${command}\`; do not edit. -->

# Measured

| | |
|---|---|
| when | ${new Date(at).toISOString().slice(0, 10)} |
| by | \`${command}\` |
| machine | ${processors} × ${model.replaceAll('|', '\\|')}, ${memory} GiB of memory: database, Data API, Lambda and application share it |
| others at work | a load average of ${load.toFixed(1)} before it began: figures of a machine that is not idle say little |
| Node.js | ${node} |
| PostgreSQL | ${postgres}, with \`fsync\`, without autovacuum on these tables |
| rows | ${rows.toLocaleString('en')}, made anew for each measurement |

All of it is the stack on one machine: the synthesized state machine, the deployed bundle, the local Data API, a real PostgreSQL. On AWS the way
to the database is longer; the figures "with 30 ms a call" stand for that. The pictures are of one run each, after the rounds of the table.

## What an application feels

![The application's latency over time, beside nothing, plain UPDATEs, the backfill and one single UPDATE](latency.svg)

Meanwhile an application updates single rows of the same table, 400 times a second at fixed times, whatever became of those before. Beside nothing
it shows the noise of the machine. One single \`UPDATE\` holds each row that it has changed until it ends: who wants one waits for that, and soon
all 60 connections of the application wait.

## How fast it is

![Rows per second over rows done, of the backfill and of one single UPDATE](rate.svg)

The backfill's batches are noted by a trigger on the ledger. The rows of the single \`UPDATE\` nobody sees before its end: how far it is, is told by how
much the table's file has grown.

## Its pace

![Rows of each batch, and how long its statement was at work](pace.svg)

Batches begin small and grow until what each costs, however small it is, is a tenth of it. None is to lock its rows for longer than the dotted line.

## The figures

Medians of ${rounds === 1 ? 'one round' : `${rounds} rounds`}, in which all of it is measured one after another, and what each round measured. Those without a target help to read
the others: *limit* is what the same work comes to without the engine. For a backfill, the same batches in plain SQL, without Data API, ledger and
rests. For a rewrite, two hand-written loops at once, which leave no processor idle. And for both what their own processor time allows, that of the
database and the Data API included, since they share this machine. A ratio near its limit cannot be better here, whatever the engine does.

${asMarkdown(figures)}
`;
}
