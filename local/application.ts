import type pg from 'pg';
import type { Database } from '../functions/engine/database/data-api.ts';
import type { Application } from '../infra/application.ts';

/** An application that also runs on this machine. */
export interface LocalApplication extends Application {
  /**
   * Makes what is missing of the application's schema and data.
   *
   * @param connection The database, before `connection` below has changed anything.
   * @param fresh Makes all of it anew, with an empty ledger.
   * @throws when the database has schemas that somebody else has made.
   */
  readonly prepare: (connection: pg.ClientConfig, fresh: boolean) => Promise<void>;
  /** The connection as the application uses it: with its search path. */
  readonly connection: (connection: pg.ClientConfig) => pg.ClientConfig;
  /**
   * How far a follow-up job has come.
   *
   * @param executionArn The execution of the job's machine.
   * @returns one entry for each part of the job that reports its own progress; none before it has begun.
   */
  readonly followUpProgress: (
    database: Database,
    executionArn: string,
  ) => Promise<readonly FollowUpProgress[]>;
}

/** How far a follow-up job has come, in whatever it counts. */
export interface FollowUpProgress {
  readonly name: string;
  readonly done: number;
  /** How many there are in all, as far as is known by now. */
  readonly known: number;
  readonly ended: boolean;
}
