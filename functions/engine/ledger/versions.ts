import { schema } from './names.ts';

/** One version of the ledger. */
export interface Version {
  /** What it has that the one before has not. */
  readonly adds: string;
  /**
   * `compatible`: code that knows the version before works with this one, too. Only new tables, and new columns that have a default, are: such
   * code neither writes nor reads them, and nothing goes wrong without. `breaking`: such code refuses it.
   */
  readonly kind: 'breaking' | 'compatible';
  readonly statements: readonly string[];
}

/**
 * The ledger's definition. Only ever add a version: databases out there have run the ones before. `npm run docs` writes it to ledger.sql for
 * those who apply it themselves.
 */
export const versions = (): readonly Version[] => [
  {
    adds: 'runs, migrations, row errors, follow-up jobs',
    kind: 'breaking',
    statements: [
      `CREATE SCHEMA IF NOT EXISTS ${schema}`,
      `CREATE TABLE ${schema}.version (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
)`,
      `CREATE TABLE ${schema}.runs (
  execution_arn text PRIMARY KEY,
  redrive_count integer NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'continued', 'succeeded', 'failed', 'abandoned')),
  first_arn text NOT NULL,
  slices integer NOT NULL DEFAULT 0,
  failure text,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
)`,
      // One run at a time is a rule of the database, not of the code.
      `CREATE UNIQUE INDEX one_run_at_a_time ON ${schema}.runs ((true)) WHERE status = 'running'`,
      // still_matching: nothing counts it any more, but releases that may still run do. Updated once per batch: half-empty pages keep those updates inside the page, without touching the index.
      `CREATE TABLE ${schema}.migrations (
  name text PRIMARY KEY,
  status text NOT NULL CHECK (status IN ('running', 'failed', 'finished')),
  run text NOT NULL,
  claim uuid,
  batches bigint NOT NULL DEFAULT 0,
  pass integer NOT NULL DEFAULT 1,
  cursor jsonb,
  conflicted jsonb NOT NULL DEFAULT '[]',
  total_processed bigint NOT NULL DEFAULT 0,
  total_updated bigint NOT NULL DEFAULT 0,
  pass_updated bigint NOT NULL DEFAULT 0,
  still_matching bigint NOT NULL DEFAULT 0,
  duration_seconds double precision NOT NULL DEFAULT 0,
  seconds_per_row double precision,
  rows_known bigint NOT NULL DEFAULT 0,
  result jsonb,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
) WITH (fillfactor = 50)`,
      `CREATE TABLE ${schema}.row_errors (
  migration text NOT NULL,
  key jsonb NOT NULL,
  run text NOT NULL,
  reason text NOT NULL,
  sqlstate text,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (migration, key)
)`,
      `CREATE TABLE ${schema}.follow_ups (
  job text PRIMARY KEY,
  owed_since timestamptz NOT NULL DEFAULT now(),
  run text,
  execution_name text
)`,
      `CREATE TABLE ${schema}.rebuilds (
  job text PRIMARY KEY,
  execution_arn text NOT NULL,
  redrive_count integer NOT NULL,
  claim uuid,
  batches bigint NOT NULL DEFAULT 0,
  position bigint NOT NULL DEFAULT 0,
  events bigint NOT NULL DEFAULT 0,
  projections bigint,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
)`,
    ],
  },
  {
    adds: 'what a run was asked for, rows put back, schedules, clean-up',
    kind: 'breaking',
    statements: [
      // request: what the run was asked for. stage: how far it is with validating, or how many builds of an index it has lost.
      // result: what it answers, where that is not a migration's result.
      `ALTER TABLE ${schema}.runs
  ADD COLUMN request jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN stage jsonb,
  ADD COLUMN result jsonb`,
      `ALTER TABLE ${schema}.migrations
  DROP CONSTRAINT migrations_status_check,
  ADD CONSTRAINT migrations_status_check
    CHECK (status IN ('running', 'failed', 'finished', 'restoring', 'restored')),
  ADD COLUMN restore jsonb,
  ADD COLUMN schedule jsonb,
  ADD COLUMN resting jsonb,
  ADD COLUMN slice_started_at timestamptz,
  ADD COLUMN slice_processed bigint NOT NULL DEFAULT 0,
  ADD COLUMN cleaned_up_at timestamptz`,
    ],
  },
  {
    adds: 'up to where a rebuild has seen the log',
    kind: 'breaking',
    statements: [
      // horizon: up to where the log was known to be complete. behind: how many events were left then. holds: how often writers were
      // held back in vain.
      `ALTER TABLE ${schema}.rebuilds
  ADD COLUMN horizon bigint NOT NULL DEFAULT 0,
  ADD COLUMN behind bigint,
  ADD COLUMN holds integer NOT NULL DEFAULT 0`,
    ],
  },
  {
    adds: 'runs beside each other, their parts, pauses and tuning, history',
    kind: 'breaking',
    statements: [
      // A run goes on in parts under its own name, so first_arn is not needed; and code that still asks for it, which knows
      // nothing of runs beside each other, is refused with every statement. lock: '' for a run of a release, "background:NAME", or
      // the name of the one migration that somebody asked for something with.
      `ALTER TABLE ${schema}.runs
  DROP COLUMN first_arn,
  DROP COLUMN result,
  ADD COLUMN lock text NOT NULL DEFAULT '',
  ADD COLUMN part integer NOT NULL DEFAULT 1,
  ADD COLUMN code text,
  ADD COLUMN renew boolean NOT NULL DEFAULT false,
  ADD COLUMN results jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN waiting jsonb`,
      `DROP INDEX ${schema}.one_run_at_a_time`,
      `CREATE UNIQUE INDEX one_run_for_each_lock ON ${schema}.runs (lock) WHERE status = 'running'`,
      // Those that its batches may lock: one migration at a time changes each.
      `ALTER TABLE ${schema}.migrations
  ADD COLUMN tables jsonb NOT NULL DEFAULT '[]'`,
      // Apart from the migrations' lines: it is there before a migration has begun, and stays when it begins anew.
      `CREATE TABLE ${schema}.controls (
  migration text PRIMARY KEY,
  paused jsonb,
  tuned jsonb
)`,
      `CREATE TABLE ${schema}.history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  event text NOT NULL,
  migration text,
  run text,
  who text,
  detail text
)`,
    ],
  },
  {
    adds: 'lanes',
    kind: 'breaking',
    statements: [
      // Parts of the keys of a migration that several lanes walk at once; one lane walks by the cursor of the migration's own line. Each begins
      // after its cursor, and ends with the key in "until", or with the table.
      `CREATE TABLE ${schema}.ranges (
  migration text NOT NULL REFERENCES ${schema}.migrations (name) ON DELETE CASCADE,
  number integer NOT NULL,
  lane integer,
  claim uuid,
  batches bigint NOT NULL,
  cursor jsonb,
  until jsonb,
  conflicted jsonb NOT NULL DEFAULT '[]',
  total_processed bigint NOT NULL DEFAULT 0,
  total_updated bigint NOT NULL DEFAULT 0,
  done boolean NOT NULL DEFAULT false,
  PRIMARY KEY (migration, number)
) WITH (fillfactor = 50)`,
    ],
  },
  {
    adds: 'what a `transform` is at, and when the last batch was',
    kind: 'breaking',
    statements: [
      // Apart from the lines that batches lock, so that keeping it waits for none of them. range: 0 is the walk over the whole.
      `CREATE TABLE ${schema}.transforming (
  migration text NOT NULL REFERENCES ${schema}.migrations (name) ON DELETE CASCADE,
  range integer NOT NULL,
  batches bigint NOT NULL,
  rows integer NOT NULL,
  key jsonb,
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (migration, range)
) WITH (fillfactor = 50)`,
      // Since when the next batch is expected: the last one, the end of a rest, or the moment in which a run took the migration up.
      `ALTER TABLE ${schema}.migrations
  ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now()`,
    ],
  },
  {
    adds: 'of each version, whether older code may work with it',
    kind: 'breaking',
    statements: [
      // Without a word it is breaking, which is the safe thing to be.
      `ALTER TABLE ${schema}.version
  ADD COLUMN compatible boolean NOT NULL DEFAULT false`,
    ],
  },
  {
    adds: 'how fast migrations were',
    kind: 'compatible',
    statements: [
      // Apart from the migrations' lines, which each batch writes anew: this is written once in a slice. samples: [[when, rows done by then], …].
      `CREATE TABLE ${schema}.rates (
  migration text PRIMARY KEY REFERENCES ${schema}.migrations (name) ON DELETE CASCADE,
  samples jsonb NOT NULL
)`,
    ],
  },
];

/** The version of the ledger that this code knows. */
export const currentVersion = versions().length;
