/**
 * What the state machines and the Lambdas say to each other: payloads, answers and error names.
 * Free of SDK imports, because infra reads it too. Field names are snake_case: operators read them in the console.
 */

/** The errors that a machine catches, retries or shows by name. Literals: Step Functions matches these strings. */
export const ErrorName = {
  /** Another run holds the ledger. The message names it. */
  AlreadyRunning: 'MigrationsAlreadyRunning',
  /** The input of an execution is not what the machine takes. */
  InvalidInput: 'InvalidInput',
  /** A migration cannot go on, or a registered one is wrong: needs a person. */
  MigrationFailed: 'MigrationFailed',
  /** More rows failed than the migration allows: needs a person. */
  ErrorBudgetSpent: 'ErrorBudgetSpent',
  /** The database does not serve us at the moment: trying later is right. */
  DatabaseUnavailable: 'DatabaseUnavailable',
  /** A newer execution has taken over: this one must stop. */
  Superseded: 'Superseded',
  /** The run that started a rebuild did not succeed. */
  RunDidNotSucceed: 'RunDidNotSucceed',
} as const;
export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** Who asks: one execution, and how often it has been redriven. Together they tell a redrive from a zombie. */
export interface Caller {
  readonly execution_arn: string;
  readonly redrive_count: number;
}

/** What the `migrate` Lambda is asked, one operation per state. */
export type MigrateRequest =
  | { readonly operation: 'open'; readonly run: Caller; readonly input: unknown }
  | { readonly operation: 'pending'; readonly run: Caller; readonly migration: string }
  | { readonly operation: 'batches'; readonly run: Caller; readonly migration: string }
  | { readonly operation: 'close'; readonly run: Caller }
  | { readonly operation: 'fail'; readonly run: Caller; readonly error: string; readonly cause: string };

export type MigrateOperation = MigrateRequest['operation'];

/** `open`: the registered migrations, in order. */
export interface Opened {
  readonly migrations: readonly string[];
}

/** `pending`: whether there is work; `continued` when this execution has had its share and only closes. */
export interface Pending {
  readonly state: 'pending' | 'skipped' | 'continued';
}

/** `batches`: how far one slice came. */
export interface Slice {
  readonly state: 'more' | 'done' | 'continued';
  /** Seconds to rest before the next slice; 0 unless `more`. */
  readonly rest_seconds: number;
  readonly total_processed: number;
  readonly total_updated: number;
  readonly errors: number;
}

/** What a run says of one migration that ran. */
export interface Counters {
  readonly total_processed: number;
  readonly total_updated: number;
  /** Rows that could not be migrated: recorded in the ledger, skipped. */
  readonly errors: number;
  readonly duration_seconds: number;
  /** Up to ten of the row errors; only when there are any. */
  readonly error_samples?: readonly {
    readonly key: string;
    readonly reason: string;
    readonly sqlstate: string | null;
  }[];
  /** Rows in the old form that still came in during the last pass: something keeps writing them. */
  readonly still_arriving?: number;
}

/** The output of a run: one key per registered migration, and `next_jobs` when follow-up jobs are started. */
export type ResultMap = Readonly<Record<string, 'skipped' | Counters | readonly string[]>>;

/** An execution to start. The name is derived from the run's, so that a retry cannot start a second. */
export interface FollowUp {
  readonly job: string;
  readonly execution_name: string;
}

/** `close`: the run is over, or goes on in an execution of its own because this one's history gets long. */
export type Closed =
  | { readonly state: 'succeeded'; readonly result: ResultMap; readonly follow_ups: readonly FollowUp[] }
  | {
      readonly state: 'continued';
      readonly execution_name: string;
      readonly input: { readonly continues: string };
    };

/** `fail`: what the Fail state shows. */
export interface Failure {
  readonly error: string;
  readonly cause: string;
}

/** What the `rebuild` Lambda is asked. */
export interface RebuildRequest {
  readonly operation: 'prepare' | 'replay';
  readonly rebuild: Caller;
}

/** `replay`: how far one slice came; `done` once the fresh table has been swapped in. */
export interface Replayed {
  readonly state: 'more' | 'done';
  readonly rest_seconds: number;
  readonly events: number;
  readonly projections: number;
}
