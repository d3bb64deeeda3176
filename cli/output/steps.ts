import { MultiBar, type SingleBar } from 'cli-progress';
import { nullable } from 'valibot';
import type { Database } from '../../functions/engine/database/data-api.ts';
import { ownJson } from '../../functions/engine/database/row-shape.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import type { Line, Stage } from '../../functions/engine/overview/read-ledger.ts';
import { visible, visibleInOneLine } from '../../functions/visible.ts';
import type { Output } from '../command/io.ts';

/** How far a migration or a rebuild is. */
export interface Step {
  readonly name: string;
  readonly done: number;
  readonly known: number;
  readonly ended: boolean;
  /** What else there is to say: why it is resting, for one. */
  readonly note?: string;
  /** How fast it goes and when it ends, which is never the same for long. */
  readonly pace?: string;
}

/** Reads from the ledger how far a run is, all its parts together. */
export async function readSteps(database: Database, run: string): Promise<Step[]> {
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
}

/** How far a migration is, from its line in the ledger and from what its run validates. */
export function stepOf(line: Line, stage: Stage | null): Step {
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
  /** Shows these, and those that were shown before no more. */
  show(steps: readonly Step[]): void;
  /** Says something beside the steps, in lines. */
  say(text: string): void;
  stop(): void;
}

/** Shows progress on stderr: bars on a terminal, a line when something changes everywhere else. */
export function stepsOn(output: Output): Steps {
  return output.terminal.isTTY ? bars(output) : lines(output);
}

function bars(output: Output): Steps {
  const multi = new MultiBar({
    stream: output.terminal,
    format: '{bar} {percentage} %  {name}  {value} of {total}  {note}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: false,
    emptyOnZero: true, // of what has not begun nothing is done
    forceRedraw: true, // below what was said, where other bars were before
    linewrap: true, // for what is said; bars are cut
  });
  const shown = new Map<string, SingleBar>();
  return {
    show(steps) {
      for (const [name, bar] of shown) {
        if (!steps.some((step) => step.name === name)) {
          multi.remove(bar);
          shown.delete(name);
        }
      }
      for (const step of steps) {
        const { name, done, known } = step;
        const note = step.ended ? 'done' : notesOf(step).join(', ');
        const said = { name: visibleInOneLine(name), note: visibleInOneLine(note) };
        const bar = shown.get(name) ?? multi.create(known, 0, said);
        shown.set(name, bar);
        bar.setTotal(known);
        bar.update(done, said);
      }
    },
    say(text) {
      if (multi.isActive) {
        // Over the bars, which are drawn anew below it.
        multi.log(visible(text).replaceAll('\n', `${eraseToEndOfLine}\n`));
      } else {
        output.write(text);
      }
    },
    stop() {
      if (multi.isActive) {
        multi.update(); // what was said last
        multi.stop();
      }
    },
  };
}

const eraseToEndOfLine = '\x1b[K';

const notesOf = ({ note, pace }: Step): readonly string[] =>
  [note, pace].filter((each) => each !== undefined);

function lines(output: Output): Steps {
  const said = new Map<string, string>();
  return {
    show(steps) {
      for (const step of steps) {
        const { name, done, known, ended, note } = step;
        // In tenths, so that a log of a long run stays readable; after the last row there is still something to do.
        const tenth = known === 0 ? 0 : Math.min(Math.floor((done / known) * 10), 9);
        const state = ended ? 'done' : `${tenth * 10} %`;
        // The pace alone is no news.
        const news = [state, note].join();
        if (said.get(name) === news) {
          continue;
        }
        said.set(name, news);
        const more = ended ? [`${done} rows`] : notesOf(step);
        output.write(`${visibleInOneLine([`${name}: ${state}`, ...more].join(', '))}\n`);
      }
    },
    say: (text) => output.write(text),
    stop() {},
  };
}
