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
  /** The migrated data does not meet the migration's validations: needs a person. */
  ValidationFailed: 'ValidationFailed',
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

/** What a run may be asked to do instead of all that is pending, with one migration. */
export const actions = ['only', 'retry', 'validate', 'restore', 'cleanup'] as const;
export type Action = (typeof actions)[number];

/** What to do with which migration: one of these, or none of them for all that is pending. */
export type Asked =
  | { readonly [None in Action]?: never }
  | {
      [One in Action]: { readonly [Name in One]: string } & {
        readonly [Other in Exclude<Action, One>]?: never;
      };
    }[Action];

/** The input of a run. `{}` runs everything that is pending. */
export type RunInput = Asked & {
  /** `foreground` skips rests and maintenance windows. Default `background`. */
  readonly mode?: 'background' | 'foreground';
  /** Goes on although the database is under pressure. */
  readonly force?: boolean;
  /** Rows in a batch at most, for every migration of this run. */
  readonly batch_size?: number;
};

/** What the `migrate` Lambda is asked, one operation per state. */
export type MigrateRequest =
  | { readonly operation: 'open'; readonly run: Caller; readonly input: unknown }
  | { readonly operation: OfOneMigration; readonly run: Caller; readonly migration: string }
  | { readonly operation: 'close'; readonly run: Caller }
  | { readonly operation: 'fail'; readonly run: Caller; readonly error: string; readonly cause: string };

/** The operations that concern one migration. */
export type OfOneMigration = 'pending' | 'batches' | 'validate' | 'restore' | 'cleanup';

export type MigrateOperation = MigrateRequest['operation'];

/** `open`: the migrations to take, in order. */
export interface Opened {
  readonly migrations: readonly string[];
}

/** `pending`: what there is to do; `continued` when this execution has had its share and only closes. */
export interface Pending {
  readonly state: 'pending' | 'skipped' | 'validate' | 'restore' | 'cleanup' | 'continued';
}

/** How far one slice came, whatever it does. */
interface HowFar {
  /** Seconds to rest before the next slice; 0 unless `more`. */
  readonly rest_seconds: number;
  /** Why it rests; only when there is more to say than that batches leave room for others. */
  readonly reason?: string;
}

/** `batches`: how far one slice came. */
export interface Slice extends HowFar {
  readonly state: 'more' | 'done' | 'validate' | 'restore' | 'continued';
  readonly total_processed: number;
  readonly total_updated: number;
  readonly errors: number;
}

/** `validate`: how far it came; where the run has to end, it throws ValidationFailed. */
export interface Validated extends HowFar {
  readonly state: 'more' | 'passed' | 'restore' | 'continued';
}

/** `restore`: how far it came; `done` only if somebody asked for it, since a failed validation fails the run. */
export interface Restored extends HowFar {
  readonly state: 'more' | 'done' | 'continued';
  readonly restored: number;
  /** Rows left as they are, because they were changed since. */
  readonly left: number;
}

/** `cleanup`: what was dropped. */
export interface CleanedUp {
  readonly state: 'done';
}

/** What a validation found. */
export interface ValidationResult {
  readonly name: string;
  readonly passed: boolean;
  readonly failed_rows: number;
  /** Up to ten of them; only when there are any. */
  readonly keys?: readonly string[];
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
  /** Only where the migration has validations. */
  readonly validations?: readonly ValidationResult[];
}

/** What a run says of a migration that it was asked to do something with, where that is not the migration's result. */
export type Answer =
  | { readonly total_updated: number; readonly errors: number }
  | { readonly validations: readonly ValidationResult[] }
  | { readonly restored: number; readonly left: number }
  | { readonly cleaned_up: readonly string[] };

/** The output of a run: one key per migration, and `next_jobs` when follow-up jobs are started. */
export type ResultMap = Readonly<Record<string, 'skipped' | Counters | Answer | readonly string[]>>;

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
