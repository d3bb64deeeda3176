import type pg from 'pg';
import type { Database } from '../functions/engine/database/data-api.ts';
import type { Application } from '../infra/application.ts';

/** An application that also runs on this machine. */
export interface LocalApplication extends Application {
  /**
   * Makes what is missing of its data; `fresh` makes it anew, with an empty ledger. Throws for a database that is somebody
   * else's.
   */
  readonly prepare: (connection: pg.ClientConfig, fresh: boolean) => Promise<void>;
  /** The connection as the application uses it: with its search path. */
  readonly connection: (connection: pg.ClientConfig) => pg.ClientConfig;
  /** How far the execution of a follow-up job is. */
  readonly followUpProgress: (
    database: Database,
    executionArn: string,
  ) => Promise<readonly FollowUpProgress[]>;
}

/** How far a follow-up job is, in whatever it counts. */
export interface FollowUpProgress {
  readonly name: string;
  readonly done: number;
  readonly known: number;
  readonly ended: boolean;
}
