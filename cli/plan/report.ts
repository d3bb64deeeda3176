import type { RowMigration } from '../../functions/engine/define/registered.ts';
import { type Estimate, estimate } from '../../functions/engine/plan/estimate.ts';
import type { Preview } from '../../functions/engine/plan/preview.ts';
import type { RowPreview } from '../../functions/engine/plan/preview-rows.ts';
import type { RowCount } from '../../functions/engine/plan/row-count.ts';
import type { Trial } from '../../functions/engine/trial/trial.ts';
import { grouped, pauseText } from '../output/format.ts';
import { costOf, usageOf } from './cost.ts';

/** What is known of one migration before a run, as `plan --json` prints it. */
export type MigrationReport = ReturnType<typeof reportOf>;

/** What a preview says, with what follows from it, if the run began `now`, in ms since 1970. */
export function reportOf(found: Preview, now: number) {
  const { migration, line, pending, rows, tables, problem, controls } = found;
  const expected = estimate(found, now);
  const usage = usageOf(found, expected);
  const problems = [
    problem,
    expected?.problem,
    rows?.trial && migration.kind !== 'alterTables' && tooManyErrors(migration, rows, rows.trial),
  ];
  return {
    name: migration.name,
    kind: migration.kind,
    pending,
    /** Who paused it, so that a run leaves it out: all else is about it once it is resumed. */
    paused: (pending && controls?.paused) || null,
    state: line === undefined ? 'never run' : line.cleanedUp ? 'cleaned up' : line.status,
    ...(rows && {
      /** Rows from where it stands: those it has to look at, and those of them that need the change. */
      rows: { ...counted('to_look_at', rows.toLookAt), ...counted('left', rows.toChange) },
    }),
    /** The tables that lack the change. */
    ...(tables && { tables }),
    ...(rows?.trial && ofTrial(rows.trial)),
    ...(expected && ofEstimate(expected, now)),
    usage,
    dollars: costOf(usage),
    /** What is in the way. */
    problems: problems.filter((each) => typeof each === 'string'),
    notes: notesOn(found),
  };
}

function counted<Name extends string>(name: Name, { rows, how }: RowCount) {
  return { [name]: rows, [`${name}_is`]: how } as Record<Name, number> &
    Record<`${Name}_is`, RowCount['how']>;
}

function ofTrial({ rows, updated, errors, seconds, differences, errorSamples }: Trial) {
  return {
    /** The rows that were tried and rolled back. */
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

function ofEstimate(
  { workingSeconds, endsAt, batches, batchRows, restSeconds, slices, lanes, lockedSeconds }: Estimate,
  now: number,
) {
  return {
    duration: {
      working_seconds: rounded(workingSeconds),
      /** With rests, and with the window. */
      seconds: rounded((endsAt - now) / 1_000),
      ends_at: new Date(endsAt).toISOString(),
    },
    batches,
    rows_per_batch: batchRows,
    /** For how long a batch locks each of its rows. */
    locked_seconds: rounded(lockedSeconds),
    rest_seconds: rounded(restSeconds),
    /** How many are walked at once. */
    lanes,
    slices,
  };
}

const rounded = (seconds: number): number => Number(seconds.toPrecision(3));

/** Whether a run would end with ErrorBudgetSpent, if as many of the other rows are bad. */
function tooManyErrors(
  { errorBudget }: RowMigration,
  { toLookAt, toChange }: RowPreview,
  { rows, updated, errors }: Trial,
): string | undefined {
  if (errors === 0) {
    return undefined;
  }
  // The less of what follows from the rows in need and from all rows: those that were tried may not be like the others.
  const ofThose = (errors / (updated + errors)) * toChange.rows;
  const ofAll = (errors / Math.max(rows, errors)) * toLookAt.rows;
  const expected = Math.round(Math.min(ofThose, ofAll));
  if (expected <= errorBudget) {
    return undefined;
  }
  return (
    `${errors} of the ${grouped(updated + errors)} rows that were tried would fail; at this rate some ${grouped(expected)} of ` +
    `all, and its errorBudget is ${errorBudget}. Correct them or the migration, or allow more`
  );
}

function notesOn({ migration, pending, rows, tables, controls }: Preview): string[] {
  if (!pending) {
    return [];
  }
  const { requires } = migration;
  const row = migration.kind === 'alterTables' ? undefined : migration;
  return [
    controls?.paused && `${pauseText(controls.paused)}: it does nothing until somebody resumes it`,
    controls?.tuned && row && `tuned: ${JSON.stringify(controls.tuned)}`,
    requires.length > 0 && `it requires ${requires.join(', ')} to be finished first`,
    rows?.addsMarker &&
      `its marker ${row?.marker} and the index on it are added first; then every row is written once`,
    tables &&
      'the tables are changed in one transaction: each is locked until the last is changed, and it was not tried',
    row?.within && `it has ${row.within} to be done in, and rests as much as that allows`,
  ].filter((note) => typeof note === 'string');
}
