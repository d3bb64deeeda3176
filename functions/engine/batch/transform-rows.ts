import { performance } from 'node:perf_hooks';
import type { Column, Key, Table } from '../database/table.ts';
import { DatabaseError, messageOf } from '../errors.ts';
import type { RowError } from '../ledger/row-errors.ts';
import type { Change, WrittenRow } from './rewrite-change.ts';
import type { ReadRow } from './rewrite-read.ts';
import { decode, encode, isJsonNull, type RowOf } from './row-values.ts';
import { endedWithin, settledWithin } from './time-limit.ts';

/**
 * The `transform` of one row took too long: the row's fault, like one of those for which the database refuses it. Nothing else of its page
 * counts: the row is to be left out, and the page read again.
 */
export class TransformTimeout extends DatabaseError {
  readonly row: RowError;

  constructor(key: Key, seconds: number) {
    super(`transform took longer than ${seconds} s, its "transformTimeout"`, 'row', null);
    this.row = { key, reason: this.message, sqlstate: null };
  }
}

/** What became of the rows of a page. */
export interface Transformed {
  readonly rows: readonly WrittenRow[];
  readonly errors: readonly RowError[];
  /** How many of the errors are for what `transform` may not return. */
  readonly wrongReturns: number;
  /** Whether `transform` returned a promise for any of them. */
  readonly returnsPromises: boolean;
}

/** Transforms the rows of a page, one after the other. Throws TransformTimeout. */
export async function transformRows(
  change: Change,
  table: Table,
  read: readonly ReadRow[],
): Promise<Transformed> {
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  const kept = columns.map(() => undefined);
  const rows: WrittenRow[] = [];
  const errors: RowError[] = [];
  let wrongReturns = 0;
  let returnsPromises = false;
  const limit = change.transformSeconds * 1_000;

  const write = ({ key, xmin }: ReadRow, values: WrittenRow['values']) => rows.push({ key, xmin, values });
  const take = (row: ReadRow, changes: Partial<RowOf> | undefined) => {
    const values = encoded(change, columns, row, changes);
    // A row that stays as it is has still to be marked.
    const written = values ?? (table.marker && kept);
    if (written !== undefined) {
      write(row, written);
    }
  };
  const fail = ({ key }: ReadRow, error: unknown) => {
    wrongReturns += error instanceof WrongReturn ? 1 : 0;
    errors.push({ key, reason: messageOf(error), sqlstate: null });
  };

  let next = 0;
  let begun = -1;
  while (next < read.length) {
    let awaited: Promise<Partial<RowOf> | undefined> | undefined;
    // Many rows at once, since setting the timer takes longer than most transforms; but so few that it is about the row under way when
    // it strikes, which then had all of its time.
    const until = performance.now() + limit / 10;
    const ended = endedWithin(Math.ceil(limit * 1.1), () => {
      for (; next < read.length && awaited === undefined && performance.now() < until; next += 1) {
        begun = next;
        const row = read[next] as ReadRow;
        if (row.problem !== undefined) {
          fail(row, row.problem);
          continue;
        }
        if (!row.changes) {
          write(row, kept);
          continue;
        }
        try {
          const changes = change.transform(decode(table, columns, row));
          if (changes instanceof Promise) {
            returnsPromises = true;
            awaited = changes;
          } else {
            take(row, changes);
          }
        } catch (error) {
          fail(row, error);
        }
      }
    });
    const current = read[begun] as ReadRow;
    // The timer may also strike between two rows, or after the last one, where a process has to wait for its turn.
    if (!ended && next === begun) {
      throw new TransformTimeout(current.key, change.transformSeconds);
    }
    if (awaited === undefined) {
      continue;
    }
    try {
      const changes = await settledWithin(limit, awaited);
      if (changes === 'late') {
        throw new TransformTimeout(current.key, change.transformSeconds);
      }
      take(current, changes);
    } catch (error) {
      if (error instanceof TransformTimeout) {
        throw error;
      }
      fail(current, error);
    }
  }
  return { rows, errors, wrongReturns, returnsPromises };
}

/** What `transform` returned is not what it may return: as a rule the fault of one row, so it is recorded like a throw. */
class WrongReturn extends TypeError {}

/** The new values, encoded for the write; undefined if there are none and the row stays as it is. Throws what is wrong. */
function encoded(
  { columns: allowed }: Change,
  columns: readonly Column[],
  row: ReadRow,
  changes: Partial<RowOf> | undefined,
): WrittenRow['values'] | undefined {
  if (changes === undefined) {
    return undefined;
  }
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    const got = Array.isArray(changes) ? 'an array' : changes === null ? 'null' : `a ${typeof changes}`;
    throw new WrongReturn(`transform returned ${got}; allowed is an object with new values, or nothing`);
  }
  const names = Object.keys(changes);
  const unknown = names.filter((name) => !allowed.includes(name));
  if (unknown.length > 0) {
    throw new WrongReturn(
      `transform returned ${unknown.join(', ')}, which "columns" does not name (${allowed.join(', ')}); add it there, or leave ` +
        'it out',
    );
  }
  if (names.length === 0) {
    return undefined;
  }
  return columns.map((column, i) => {
    // Of JSON, null may be two things: no value, or the value null. Returned as it came, it stays which it was.
    const staysJsonNull = changes[column.name] === null && isJsonNull(column, row.values[i]);
    return Object.hasOwn(changes, column.name) && !staysJsonNull
      ? encode(column, changes[column.name])
      : undefined;
  });
}
