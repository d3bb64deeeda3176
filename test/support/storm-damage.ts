import { isDeepStrictEqual } from 'node:util';
import type { Row, Storm } from './storm.ts';

/** What a migration does to a row. */
export interface Change {
  /** How often it has changed the row. */
  readonly times: (row: Row) => number;
  /** What it makes of a row; undefined of one that does not need it, or that cannot be changed. */
  readonly make: (row: Row) => Row | undefined;
}

/** Rows to which happened what must not happen. */
export interface Damage {
  /** By `born`: they are gone, and nobody has deleted them. */
  readonly lost: readonly number[];
  /** By `born`: they are there, although somebody has deleted them, or nobody has made them. */
  readonly resurrected: readonly number[];
  /** They are not what the last write made of them, nor what the migrations make of that; or a write before it is not there. */
  readonly undone: readonly History[];
  /** A migration has changed them twice, or without need. */
  readonly changedTwice: readonly History[];
}

/** What the application made of a row, write by write, and how it is now. */
interface History {
  readonly written: readonly Row[];
  readonly now: Row;
}

/**
 * Looks at what has become of the rows of a stormed table. Each must be as the last write left it, but for what the migrations have
 * changed since, each of them at most once; and so it must have been from each write to the next. With `areRestored`, what the migrations
 * have changed since was put back.
 */
export function damage(
  { written, deleted }: Storm,
  rows: readonly Row[],
  changes: readonly Change[],
  { areRestored = false } = {},
): Damage {
  const now = new Map(rows.map((row) => [row.born, row]));
  const histories = [...written].flatMap(([born, some]) => {
    const last = deleted.get(born) ?? now.get(born);
    return last ? [{ written: [...some].sort((a, b) => a.writes - b.writes), now: last }] : [];
  });
  const areChanged = ({ now: { born } }: History) => !areRestored || deleted.has(born);
  return {
    lost: [...written.keys()].filter((born) => !now.has(born) && !deleted.has(born)),
    resurrected: [...now.keys()].filter((born) => !written.has(born) || deleted.has(born)),
    undone: histories.filter((history) => isUndone(history, areChanged(history) ? changes : [])),
    changedTwice: histories.filter((history) => changes.some((change) => isWrong(history, change))),
  };
}

function isUndone({ written, now }: History, changes: readonly Change[]): boolean {
  const last = written.at(-1);
  const mayBecome = last === undefined ? [] : outcomes(last, changes);
  return (
    written.some(({ writes }, i) => writes !== i + 1) || !mayBecome.some((row) => isDeepStrictEqual(row, now))
  );
}

/** What a row may have become by migrations, each of which has changed it or not yet. */
function outcomes(row: Row, [first, ...others]: readonly Change[]): readonly Row[] {
  if (first === undefined) {
    return [row];
  }
  const changed = first.make(row);
  return [row, ...(changed ? [changed] : [])].flatMap((each) => outcomes(each, others));
}

/** Whether a migration has changed a row more than once between two writes, or one that did not need it. */
function isWrong({ written, now }: History, { times, make }: Change): boolean {
  const steps = [...written, now];
  return steps.slice(1).some((row, i) => {
    const before = steps[i] as Row;
    const count = times(row) - times(before);
    return count < 0 || count > (make(before) === undefined ? 0 : 1);
  });
}
