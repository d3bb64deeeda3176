import type { Sql } from '../database/sql.ts';
import type { WindowOptions } from '../time/maintenance-window.ts';
import type { Validation } from './validations.ts';

/**
 * A migration: what `backfill`, `rewrite` and `alterTables` make, and what `migrate([…])` takes. What else there is in it is
 * the engine's own.
 */
export interface Migration {
  /** Stable: the ledger keeps its state under it. */
  readonly name: string;
  /** By which function it was made. */
  readonly kind: 'backfill' | 'rewrite' | 'alterTables';
}

/** What every migration says of itself. */
export interface Options {
  /** Stable, and unique among all migrations: the ledger keeps its state under it. Lower case, digits, hyphens; up to 60. */
  readonly name: string;
  /** Names of the follow-up jobs to start once a run in which this migration ran has succeeded. */
  readonly rebuilds?: readonly string[];
  /** Names of the migrations that must be finished before this one begins; registered before it. */
  readonly requires?: readonly string[];
  /**
   * Goes on in an execution of its own beside the releases, which do not wait for it. So does, without this, whatever has `within` or
   * `window`. A run in the foreground takes it over. Default false.
   */
  readonly background?: boolean;
}

/** What every migration of rows says of itself. */
export interface RowOptions extends Options {
  /** The table, with its schema if it is not on the search path: `users`, `audience_data.app_1`. */
  readonly table: string;
  /** The column or columns of a unique index without NULLs; rows are walked in its order. */
  readonly key: string | readonly string[];
  /**
   * Which rows still need the change, as a condition over the table's columns. Rows it does not match are left alone, so
   * a migrated row must not match it any more. Left out, the migration changes every row once, as the cursor passes it, and needs a
   * `marker` or `immutableKey`.
   */
  readonly where?: Sql | undefined;
  /**
   * Nobody ever changes the key of a row of this table. To be said of it where a migration has neither `where` nor `marker`, and so
   * knows only by its cursor what it has changed: a row that gets a key ahead of the cursor would be changed a second time.
   */
  readonly immutableKey?: boolean | undefined;
  /**
   * A boolean column that the engine adds for the time of the migration, with an index on the rows that are left: true once
   * a row is done. Then what is left is found without walking over the others, however large the table. `cleanup` drops it.
   */
  readonly marker?: string | undefined;
  /** What must hold for the table's rows once all batches are done. */
  readonly validate?: readonly Validation[];
  /**
   * What a failed validation does: `restore` puts back the rows that this migration changed and nobody has changed since,
   * and fails the run; `fail` fails the run; `report` says so in the result. Default `fail`.
   */
  readonly onInvalid?: OnInvalid;
  /**
   * In what time it is to be done, ISO 8601 or in words: `P7D`, `1 week`. It rests between batches as long as that allows; if
   * it cannot be done in that time, it fails before it changes anything.
   */
  readonly within?: string | undefined;
  /** When batches may begin; outside of it, it rests. The time of `within` is then counted in open hours only. */
  readonly window?: WindowOptions | undefined;
  /**
   * For how long a run may be held while the database is under pressure, before it fails and says what is in the way: ISO 8601
   * or in words. Default `PT1H`.
   */
  readonly pressureTimeout?: string | undefined;
  /** How many bad rows one run may record and skip before the migration fails. Default 100. */
  readonly errorBudget?: number;
  /** How large batches are, and how long it rests between them. The defaults fit nearly always. */
  readonly pace?: Partial<PaceOptions>;
  /**
   * How many statements are at work on the table at once, each on a range of keys of its own, from 1 to 16: done sooner, at the cost of that
   * much more load on the database. Left out, it is one at a time, and as many on their way as that takes.
   */
  readonly lanes?: number | undefined;
}

/** How large batches are, and how long a migration rests between them. */
export interface PaceOptions {
  /**
   * For how long one batch may lock its rows, in seconds: more than 0, at most 20, since the Data API gives up a statement after 45.
   * Default 0.1. A batch is smaller than that where larger ones would hardly be faster.
   */
  readonly targetSeconds: number;
  /**
   * Seconds to rest after each batch, 86,400 at most; from 5 s on the Lambda ends and Step Functions waits. Default a
   * hundredth of the batch's time, or what `within` makes of it.
   */
  readonly restSeconds: number | undefined;
  /** Most rows in one batch. Default 100,000, which bounds the batch when rows suddenly get more expensive. */
  readonly maxRows: number;
}

/** What a failed validation does. */
export type OnInvalid = 'restore' | 'fail' | 'report';
