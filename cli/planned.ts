import type { Registered, RowMigration } from '../functions/engine/define/registered.ts';
import { type Course, courseOf } from '../functions/engine/plan/estimate.ts';
import type { Count, Forecast, RowsAhead } from '../functions/engine/plan/preview.ts';
import type { Difference } from '../functions/engine/trial/row-diff.ts';
import type { Trial } from '../functions/engine/trial/trial.ts';
import { type Cost, costOf, type Usage, usageOf } from './cost.ts';
import { grouped } from './format.ts';

/** What is known of one migration before a run. */
export interface Planned {
  readonly name: string;
  readonly kind: Registered['kind'];
  readonly pending: boolean;
  readonly state: string;
  /** Rows from where it stands: those it has to look at, and those of them that need the change. */
  readonly rows?: {
    readonly to_look_at: number;
    readonly to_look_at_is: 'counted' | 'estimated';
    readonly left: number;
    readonly left_is: 'counted' | 'estimated';
  };
  /** The tables that lack the change. */
  readonly tables?: readonly string[];
  /** The rows that were tried and rolled back. */
  readonly trial?: {
    readonly rows: number;
    readonly updated: number;
    readonly errors: number;
    readonly seconds: number;
    readonly rows_per_second: number | null;
  };
  readonly differences?: readonly Difference[];
  readonly would_fail?: readonly {
    readonly key: string;
    readonly reason: string;
    readonly sqlstate: string | null;
  }[];
  readonly duration?: {
    readonly working_seconds: number;
    /** With rests, and with the window. */
    readonly seconds: number;
    readonly ends_at: string;
  };
  readonly batches?: number;
  readonly rows_per_batch?: number;
  readonly rest_seconds?: number;
  readonly slices?: number;
  readonly usage: Usage;
  readonly dollars: Cost;
  /** What is in the way. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** What a forecast says, with what follows from it, if the run began `now`, in ms since 1970. */
export function planned(found: Forecast, now: number): Planned {
  const { migration, line, pending, rows, tables, problem } = found;
  const trial = rows?.trial;
  const course =
    migration.kind === 'alterTables' || rows === undefined || trial === undefined
      ? undefined
      : courseOf(found, migration, rows, trial, now);
  const usage = usageOf(found, course);
  const problems = [problem, course?.problem, trial && rows && tooManyErrors(migration, rows, trial)];
  return {
    name: migration.name,
    kind: migration.kind,
    pending,
    state: line === undefined ? 'never run' : line.cleanedUp ? 'cleaned up' : line.status,
    ...(rows && { rows: { ...counted('to_look_at', rows.toLookAt), ...counted('left', rows.inNeed) } }),
    ...(tables && { tables }),
    ...(trial && ofTrial(trial)),
    ...(course && ofCourse(course, now)),
    usage,
    dollars: costOf(usage),
    problems: problems.filter((each) => each !== undefined),
    notes: notesOn(found),
  };
}

function counted<Name extends string>(name: Name, { rows, counted }: Count) {
  return { [name]: rows, [`${name}_is`]: counted ? 'counted' : 'estimated' } as Record<Name, number> &
    Record<`${Name}_is`, 'counted' | 'estimated'>;
}

function ofTrial({ rows, updated, errors, seconds, differences, errorSamples }: Trial) {
  return {
    trial: {
      rows,
      updated,
      errors,
      seconds: rounded(seconds),
      rows_per_second: seconds > 0 ? Math.round(rows / seconds) : null,
    },
    differences,
    would_fail: errorSamples.map(({ key, reason, sqlstate }) => ({ key: key.join(', '), reason, sqlstate })),
  };
}

function ofCourse({ workingSeconds, endsAt, batches, batchRows, restSeconds, slices }: Course, now: number) {
  return {
    duration: {
      working_seconds: rounded(workingSeconds),
      seconds: rounded((endsAt - now) / 1_000),
      ends_at: new Date(endsAt).toISOString(),
    },
    batches,
    rows_per_batch: batchRows,
    rest_seconds: rounded(restSeconds),
    slices,
  };
}

const rounded = (seconds: number): number => Number(seconds.toPrecision(3));

/** Whether a run would end with ErrorBudgetSpent, if as many of the other rows are bad. */
function tooManyErrors(
  migration: Registered,
  { toLookAt, inNeed }: RowsAhead,
  { rows, updated, errors }: Trial,
): string | undefined {
  if (errors === 0) {
    return undefined;
  }
  // The less of what follows from the rows in need and from all rows: those that were tried may not be like the others.
  const ofThose = (errors / (updated + errors)) * inNeed.rows;
  const ofAll = (errors / Math.max(rows, errors)) * toLookAt.rows;
  const expected = Math.round(Math.min(ofThose, ofAll));
  const { errorBudget } = migration as RowMigration;
  if (expected <= errorBudget) {
    return undefined;
  }
  return (
    `${errors} of the ${grouped(updated + errors)} rows that were tried would fail; at this rate some ${grouped(expected)} of ` +
    `all, and its errorBudget is ${errorBudget}. Correct them or the migration, or allow more`
  );
}

function notesOn({ migration, pending, rows, tables }: Forecast): string[] {
  if (!pending) {
    return [];
  }
  const { requires } = migration;
  const row = migration.kind === 'alterTables' ? undefined : migration;
  return [
    requires.length > 0 && `it requires ${requires.join(', ')} to be finished first`,
    rows?.toMark &&
      `its marker ${row?.marker} and the index on it are added first; then every row is written once`,
    tables &&
      'the tables are changed in one transaction: each is locked until the last is changed, and it was not tried',
    row?.within && `it has ${row.within} to be done in, and rests as much as that allows`,
  ].filter((note) => typeof note === 'string');
}
