import { MultiBar, type SingleBar } from 'cli-progress';
import { nullable } from 'valibot';
import type { Database } from '../../functions/engine/database/data-api.ts';
import { ownJson } from '../../functions/engine/database/row-shape.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import type { Output } from '../command/io.ts';
import type { Line, Stage } from '../system/ledger.ts';
import { visibleInOneLine } from './visible.ts';

/** How far a migration or a rebuild is. */
export interface Step {
  readonly name: string;
  readonly done: number;
  readonly known: number;
  readonly ended: boolean;
  /** What else there is to say: why it is resting, for one. */
  readonly note?: string;
}

/** Reads from the ledger how far a run is, all its parts together; nothing while there is no ledger yet. */
export async function readSteps(database: Database, run: string): Promise<Step[]> {
  try {
    // As JSON, since a ledger of version 1 has fewer columns.
    const rows = await database.query(
      sql`
      SELECT (to_jsonb(m) - 'cursor' - 'conflicted')::text AS line, (to_jsonb(now) -> 'stage')::text AS stage
      FROM ${ledger.runs} now
      JOIN ${ledger.migrations} m ON m.run = now.execution_arn
      WHERE now.execution_arn = ${run}
      ORDER BY m.started_at, m.name`,
      { line: ownJson<Line>(), stage: nullable(ownJson<Stage | null>()) },
    );
    return rows.map(({ line, stage }) => stepOf(line, stage));
  } catch {
    return []; // the first run creates the ledger; and a look at the progress must never disturb the run
  }
}

function stepOf(line: Line, stage: Stage | null): Step {
  const { name, status, total_processed: done, rows_known: known, restore, resting } = line;
  if (restore && (status === 'restoring' || status === 'restored')) {
    const looked = restore.restored + restore.left;
    return {
      name: `${name}, restoring`,
      done: looked,
      known: Math.max(line.total_updated, looked),
      ended: status === 'restored',
      note: restore.because,
    };
  }
  const validating = stage?.migration === name && !stage.ended;
  const note = validating
    ? `validating: ${stage.rows} rows`
    : resting
      ? `resting: ${resting.reason}`
      : undefined;
  return {
    name,
    done,
    known: Math.max(known, done),
    ended: status === 'finished',
    ...(note !== undefined && { note }),
  };
}

export interface Steps {
  show(steps: readonly Step[]): void;
  stop(): void;
}

/** Shows progress on stderr: bars on a terminal, a line when something changes everywhere else. */
export function stepsOn(output: Output): Steps {
  return output.terminal.isTTY ? bars(output.terminal) : lines(output);
}

function bars(stream: NodeJS.WriteStream): Steps {
  const multi = new MultiBar({
    stream,
    format: '{bar} {percentage} %  {name}  {value} of {total}  {note}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: false,
  });
  const shown = new Map<string, SingleBar>();
  return {
    show(steps) {
      for (const { name, done, known, note = '' } of steps) {
        const said = { name: visibleInOneLine(name), note: visibleInOneLine(note) };
        const bar = shown.get(name) ?? multi.create(known, 0, said);
        shown.set(name, bar);
        bar.setTotal(known);
        bar.update(done, said);
      }
    },
    stop: () => multi.stop(),
  };
}

function lines(output: Output): Steps {
  const said = new Map<string, string>();
  return {
    show(steps) {
      for (const { name, done, known, ended, note } of steps) {
        // In tenths, so that a log of a long run stays readable; after the last row there is still something to do.
        const tenth = known === 0 ? 0 : Math.min(Math.floor((done / known) * 10), 9);
        const line = visibleInOneLine(
          `${name}: ${ended ? 'done' : `${tenth * 10} %${note === undefined ? '' : `, ${note}`}`}`,
        );
        if (said.get(name) === line) {
          continue;
        }
        said.set(name, line);
        output.write(`${line}${ended ? `, ${done} rows` : ''}\n`);
      }
    },
    stop() {},
  };
}
