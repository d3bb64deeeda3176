import type { Database } from '../functions/engine/database/data-api.ts';
import type { Application } from '../infra/application.ts';

/**
 * An application that also runs on this machine.
 *
 * @example
 * export const shop: LocalApplication = {
 *   migrations,
 *   handler: 'data-migrations/handler.ts',
 *   prepare: fromSqlFiles('db/schema.sql', 'db/sample-data.sql'),
 *   searchPath: ['shop'],
 * };
 */
export interface LocalApplication extends Application {
  /**
   * Makes what is missing of the application's schema and data: `fromSqlFiles`, or the tool that makes them elsewhere. Default: the
   * database is taken as it is.
   *
   * @throws when it cannot, or must not.
   */
  readonly prepare?: (database: DatabaseToPrepare) => Promise<void>;
  /** The schemas in which the application looks for its tables. Default: as the database and its user are set up. */
  readonly searchPath?: readonly string[];
  /**
   * How far a follow-up job has come.
   *
   * @param executionArn The execution of the job's machine.
   * @returns one entry for each part of the job that reports its own progress; none before it has begun.
   */
  readonly followUpProgress?: (
    database: Database,
    executionArn: string,
  ) => Promise<readonly FollowUpProgress[]>;
}

/** A database on this machine, before the migrations run. */
export interface DatabaseToPrepare {
  /** For PostgreSQL's clients: `postgresql://…`. */
  readonly url: string;
  /** Whether everything is to be made anew, with an empty ledger. */
  readonly fresh: boolean;
  /** Whether it is the embedded one, in which nothing is that `prepare` has not made; otherwise it is that of DATABASE_URL. */
  readonly isEmbedded: boolean;
}

/** How far a follow-up job has come, in whatever it counts. */
export interface FollowUpProgress {
  readonly name: string;
  readonly done: number;
  /** How many there are in all, as far as is known by now. */
  readonly known: number;
  readonly ended: boolean;
}
