import type { Checkpoint } from './checkpoint.ts';
import type { Database } from './database.ts';
import { MigrationFailed } from './errors.ts';
import type { Prepared } from './rewrite.ts';
import { isSql, type Sql, unsendable } from './sql.ts';
import type { Key, Table } from './table.ts';

/** What every migration of rows says of itself. */
export interface RowOptions {
  /** Stable, and unique among all migrations: the ledger keeps its state under it. Lower case, digits, hyphens. */
  readonly name: string;
  /** The table, with its schema if it is not on the search path: `users`, `audience_data.app_1`. */
  readonly table: string;
  /** The column or columns of a unique index without NULLs; rows are walked in its order. */
  readonly key: string | readonly string[];
  /**
   * Which rows still need the change, as a condition over the table's columns. Rows it does not match are left alone, so
   * a migrated row must not match it any more. Left out, the migration changes every row once, as the cursor passes it.
   */
  readonly where?: Sql;
  /** Follow-up jobs to start once a run in which this migration ran has succeeded. */
  readonly rebuilds?: readonly string[];
  /** How many bad rows one run may record and skip before the migration fails. Default 100. */
  readonly errorBudget?: number;
  readonly pace?: Partial<PaceOptions>;
}

export interface PaceOptions {
  /** How long one batch should take, in seconds. Default 0.5: nobody waits longer for a row that we have locked. */
  readonly targetSeconds: number;
  /**
   * Seconds to rest after each batch; from 5 s on the Lambda ends and Step Functions waits. Default a hundredth of the
   * batch's time.
   */
  readonly restSeconds: number | undefined;
  /** Most rows in one batch. Default 100,000, which bounds the batch when rows suddenly get more expensive. */
  readonly maxRows: number;
}

/** A migration as the engine runs it. Made by `backfill` or `rewrite`. */
export interface Migration {
  readonly kind: 'backfill' | 'rewrite';
  readonly name: string;
  readonly table: string;
  readonly key: readonly string[];
  /** Columns that must exist, apart from the key. */
  readonly columns: readonly string[];
  readonly where: Sql | undefined;
  readonly rebuilds: readonly string[];
  readonly errorBudget: number;
  readonly pace: PaceOptions;
  /** Migrates one page and moves the checkpoint, together or not at all. */
  readonly batch: (work: Work, page: Page) => Promise<Batch | undefined>;
}

/** What a batch works with. */
export interface Work {
  readonly database: Database;
  readonly table: Table;
  readonly at: Checkpoint;
  /** Working time not yet in the ledger, and the pace to keep there, in seconds. */
  readonly seconds: number;
  readonly secondsPerRow: number | null;
  /** What the batch before has read ahead. */
  readonly ahead?: Ahead;
}

/** The page after a key, being read while the one before it is written. */
export interface Ahead {
  readonly after: Key;
  readonly size: number;
  readonly prepared: Promise<Prepared>;
}

/** Which rows a batch takes: so many after the cursor, or just these. */
export type Page = { readonly size: number } | { readonly keys: readonly Key[] };

/** What a batch did. Undefined instead: the claim or the checkpoint was not ours any more, and nothing was done. */
export interface Batch {
  readonly at: Checkpoint;
  /** Rows looked at. */
  readonly rows: number;
  /** Bytes a row takes in a result page; 0 where no rows travel. */
  readonly bytesPerRow: number;
  /** The page reached the end of the table. */
  readonly passEnded: boolean;
  readonly ahead?: Ahead;
}

const defaultPace: PaceOptions = { targetSeconds: 0.5, restSeconds: undefined, maxRows: 100_000 };

/**
 * The parts that `backfill` and `rewrite` share, checked. Throws MigrationFailed, when the module is loaded: a wrong
 * migration fails tests and deploys, not a run.
 */
export function rowMigration(options: RowOptions): Omit<Migration, 'kind' | 'columns' | 'batch'> {
  const key = typeof options.key === 'string' ? [options.key] : options.key;
  const pace = { ...defaultPace, ...options.pace };
  const errorBudget = options.errorBudget ?? 100;
  const check = checker(options.name);
  // 60 characters leave room for the names that are derived from it.
  check(
    /^[a-z][a-z0-9-]{0,59}$/.test(options.name),
    'name',
    options.name,
    'lower case letters, digits and hyphens, at most 60',
  );
  check(/^[^.]+(\.[^.]+)?$/.test(options.table), 'table', options.table, 'a table, or schema.table');
  check(
    key.length > 0 && new Set(key).size === key.length,
    'key',
    key,
    'one column or several different ones',
  );
  check(
    Number.isInteger(errorBudget) && errorBudget >= 0,
    'errorBudget',
    errorBudget,
    'a whole number from 0',
  );
  // 20 s leaves a batch that takes twice its target below the 45 s at which the Data API gives up.
  check(
    pace.targetSeconds > 0 && pace.targetSeconds <= 20,
    'pace.targetSeconds',
    pace.targetSeconds,
    'more than 0, at most 20',
  );
  const { restSeconds: rest = 0 } = pace;
  check(rest >= 0 && rest <= 86_400, 'pace.restSeconds', rest, '0 to 86400');
  check(
    Number.isInteger(pace.maxRows) && pace.maxRows > 0,
    'pace.maxRows',
    pace.maxRows,
    'a whole number from 1',
  );
  if (options.where !== undefined) checkSql(options.name, 'where', options.where);
  return {
    name: options.name,
    table: options.table,
    key,
    where: options.where,
    rebuilds: options.rebuilds ?? [],
    errorBudget,
    pace,
  };
}

/** Refuses a fragment that is not SQL, or that the Data API would garble. */
export function checkSql(migration: string, option: string, fragment: Sql): void {
  checker(migration)(isSql(fragment), option, fragment, 'SQL, written as sql`…`');
  const problem = unsendable(fragment);
  if (problem !== undefined) throw new MigrationFailed(`migration "${migration}", ${option}: ${problem}`);
}

/** Throws what was wrong, what was got, and what is allowed. */
export function checker(migration: string) {
  return (holds: boolean, option: string, got: unknown, allowed: string): void => {
    if (holds) return;
    throw new MigrationFailed(
      `migration "${migration}", ${option}: got ${JSON.stringify(got)}, allowed is ${allowed}`,
    );
  };
}
