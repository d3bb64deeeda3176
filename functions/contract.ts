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
  /** The release that was deployed since does not register the migration any more: it is left as it is. */
  NoLongerRegistered: 'NoLongerRegistered',
  /** A part of the run was stopped, or ended in a way that it could not record itself. */
  PartStopped: 'PartStopped',
  /** The run that started a rebuild did not succeed. */
  RunDidNotSucceed: 'RunDidNotSucceed',
} as const;
/** The name of one of our errors, as Step Functions shows it. */
export type ErrorName = (typeof ErrorName)[keyof typeof ErrorName];

/** One execution, and how often it has been redriven. Together they tell a redrive from a zombie. */
export interface Execution {
  readonly execution_arn: string;
  readonly redrive_count: number;
}

/**
 * Who asks: a run, by its first execution, and the part of it that asks. The first execution is part 1; each of the others goes on
 * where the history of the one before got long, while the first one waits for it.
 */
export interface Caller extends Execution {
  readonly part: number;
}

/** The input of an execution that is a part of a run. */
export interface PartInput {
  readonly part_of: Caller & {
    /** The version of the function that the run keeps; left out, the part takes the one that was deployed with its machine. */
    readonly function?: string;
  };
}

/** What a run may be asked to do instead of all that is pending, with one migration. */
export const actions = ['only', 'background', 'retry', 'validate', 'restore', 'cleanup'] as const;
export type Action = (typeof actions)[number];

/** What to do with which migration: one of these, or none of them for all that is pending. */
export type Asked =
  | { readonly [None in Action]?: never }
  | {
      [One in Action]: { readonly [Name in One]: string } & {
        readonly [Other in Exclude<Action, One>]?: never;
      };
    }[Action];

/** The most lanes that may be asked for: each is one connection to the database that is at work all the time. */
export const mostLanes = 16;

/** The input of a run. `{}` runs everything that is pending. */
export type RunInput = Asked & {
  /**
   * `foreground` skips rests and maintenance windows, and finishes what goes on in the background itself. Default `background`.
   */
  readonly mode?: 'background' | 'foreground';
  /** Goes on although the database is under pressure. */
  readonly force?: boolean;
  /** Only beside `only`: changes every row that its `where` finds, wherever it is, although the migration is finished. */
  readonly thorough?: boolean;
  /** Rows in a batch at most, for every migration of this run. */
  readonly batch_size?: number;
  /** How many statements are at work at once, for every migration of this run: from 1 to 16. */
  readonly lanes?: number;
};

/** What the `migrate` Lambda is asked, one operation per state. */
export type MigrateRequest =
  | { readonly operation: 'open'; readonly run: Caller; readonly input: unknown }
  | { readonly operation: OfOneMigration; readonly run: Caller; readonly migration: string }
  | { readonly operation: 'lane'; readonly run: Caller; readonly migration: string; readonly lane: Lane }
  | { readonly operation: 'close'; readonly run: Caller }
  | {
      readonly operation: 'fail';
      readonly run: Caller;
      readonly error: string;
      readonly cause: string;
      /** Should the database be unavailable, the machine does not try again. */
      readonly last_try: boolean;
    };

/** The operations that concern one migration. */
export type OfOneMigration = 'pending' | 'batches' | 'validate' | 'restore' | 'cleanup';

/** One of the lanes that go on with a migration at once. */
export interface Lane {
  /** From 0. */
  readonly number: number;
  /** How many there are. */
  readonly of: number;
}

export type MigrateOperation = MigrateRequest['operation'];

/** `open`: the migrations to take, in order. */
export interface Opened {
  readonly migrations: readonly string[];
}

/**
 * `pending`: what there is to do. `done`: this run has been through with it before. `start`: it goes on in the background, in an
 * execution that is to be started. `wait`: something else has to end first. `continued`: this execution has had its share, and
 * the next part of the run goes on.
 */
export type Pending =
  | { readonly state: 'pending' | 'validate' | 'restore' | 'cleanup' | 'continued' }
  | { readonly state: 'done' | 'skipped' | 'background' | 'paused'; readonly result: Result }
  | {
      readonly state: 'start';
      readonly result: Background;
      readonly execution_name: string;
      readonly input: { readonly background: string };
    }
  | ({ readonly state: 'wait' } & HowFar);

/** How far one slice came, whatever it does. */
export interface HowFar {
  /** Seconds to rest before the next slice, whichever part it is in; 0 unless `more`, `wait` or `continued`. */
  readonly rest_seconds: number;
  /** Why it rests; only when there is more to say than that batches leave room for others. */
  readonly reason?: string;
}

/** A slice that was not begun. `wait`: the migration is not this run's at the moment, which asks again whether it is pending. */
export interface NotBegun extends HowFar {
  readonly state: 'wait' | 'continued';
}

/** `batches`: how far one slice came. `lanes`: several invocations are to go on with it at once. */
export interface Slice extends HowFar {
  readonly state: 'more' | 'lanes' | 'done' | 'validate' | 'restore' | 'continued';
  readonly total_processed: number;
  readonly total_updated: number;
  readonly errors: number;
  /** Only when it is `done`. */
  readonly result?: Result;
  /** Only when it says `lanes`. */
  readonly lanes?: readonly Lane[];
}

/** `lane`: how far one slice of one lane came. `done`: there is no range of keys left for it, or another invocation has it. */
export interface LaneSlice extends HowFar, Lane {
  readonly state: 'more' | 'done';
}

/** `validate`: how far it came; where the run has to end, it throws ValidationFailed. */
export interface Validated extends HowFar {
  readonly state: 'more' | 'passed' | 'restore' | 'continued';
  /** Only when it `passed`. */
  readonly result?: Result;
}

/** `restore`: how far it came; `done` only if somebody asked for it, since a failed validation fails the run. */
export interface Restored extends HowFar {
  readonly state: 'more' | 'done' | 'continued';
  readonly restored: number;
  /** Rows left as they are, because they were changed since. */
  readonly left: number;
  /** Only when it is `done`. */
  readonly result?: Result;
}

/** `cleanup`: what was dropped. */
export interface CleanedUp {
  readonly state: 'done';
  readonly result: Result;
}

/** What a validation found. */
export interface ValidationResult {
  /** The validation's name: `no_nulls`. */
  readonly name: string;
  /** Whether it holds for every row. */
  readonly passed: boolean;
  /** For how many rows it does not hold. */
  readonly failed_rows: number;
  /** Up to ten of them; only when there are any. */
  readonly keys?: readonly string[];
}

/** What a run says of one migration that ran. */
export interface Counters {
  /** Rows, or tables, looked at, over all runs it took. */
  readonly total_processed: number;
  /** Of these, those that it changed: others may have been right already. */
  readonly total_updated: number;
  /** Rows that could not be migrated: recorded in the ledger, skipped. */
  readonly errors: number;
  /** Working time over all runs it took, without rests, with one decimal. */
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

/** How far a migration is that is not done. */
export interface Progress {
  readonly total_processed: number;
  /** Of the rows known, with one decimal; below 100 until it is finished. */
  readonly percent: number;
  /** ISO 8601; only while it is at work, and known. */
  readonly expected_end?: string;
}

/** What a run says of a migration that goes on in an execution of its own. */
export interface Background extends Progress {
  readonly state: 'background';
  /** The ARN of that execution. */
  readonly execution: string;
  /** What it waits for, if anything. */
  readonly waits_for?: string;
}

/** What a run says of a migration that somebody has paused: nothing goes on with it until somebody resumes it. */
export interface Paused extends Progress {
  readonly state: 'paused';
  /** Who paused it. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  /** Why, if they said so. */
  readonly reason?: string;
}

/** What a run says of a migration that is no longer registered, and was left unfinished. */
export interface LeftUnfinished extends Progress {
  readonly state: 'left unfinished';
}

/** What a run says of one migration. */
export type Result = 'skipped' | Counters | Answer | Background | Paused | LeftUnfinished;

/** The output of a run: one key per migration; `next_jobs` and their ARNs, `next_executions`, when follow-up jobs are started. */
export type ResultMap = Readonly<Record<string, Result | readonly string[]>>;

/** An execution to start. The name is derived from the run's, so that a retry cannot start a second. */
export interface FollowUp {
  readonly job: string;
  readonly execution_name: string;
}

/** `close`: the run is over, or its next part goes on because this one's history gets long. */
export type Closed =
  | { readonly state: 'succeeded'; readonly result: ResultMap; readonly follow_ups: readonly FollowUp[] }
  | { readonly state: 'continued' };

/** `fail`: what the Fail state shows. */
export interface Failure {
  readonly error: string;
  readonly cause: string;
}

/** What the `rebuild` Lambda is asked. */
export interface RebuildRequest {
  readonly operation: 'prepare' | 'replay';
  readonly rebuild: Execution;
}

/** `replay`: how far one slice came; `done` once the fresh table has been swapped in. */
export interface Replayed {
  readonly state: 'more' | 'done';
  readonly rest_seconds: number;
  readonly events: number;
  readonly projections: number;
}
