-- The ledger, for those who apply it themselves. Written by `npm run docs` from versions.ts; do not edit.

CREATE SCHEMA IF NOT EXISTS data_migrations;

CREATE TABLE data_migrations.version (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE data_migrations.runs (
  execution_arn text PRIMARY KEY,
  redrive_count integer NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'continued', 'succeeded', 'failed', 'abandoned')),
  first_arn text NOT NULL,
  slices integer NOT NULL DEFAULT 0,
  failure text,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);

CREATE UNIQUE INDEX one_run_at_a_time ON data_migrations.runs ((true)) WHERE status = 'running';

CREATE TABLE data_migrations.migrations (
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
) WITH (fillfactor = 50);

CREATE TABLE data_migrations.row_errors (
  migration text NOT NULL,
  key jsonb NOT NULL,
  run text NOT NULL,
  reason text NOT NULL,
  sqlstate text,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (migration, key)
);

CREATE TABLE data_migrations.follow_ups (
  job text PRIMARY KEY,
  owed_since timestamptz NOT NULL DEFAULT now(),
  run text,
  execution_name text
);

CREATE TABLE data_migrations.rebuilds (
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
);

INSERT INTO data_migrations.version (version) VALUES (1);

ALTER TABLE data_migrations.runs
  ADD COLUMN request jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN stage jsonb,
  ADD COLUMN result jsonb;

ALTER TABLE data_migrations.migrations
  DROP CONSTRAINT migrations_status_check,
  ADD CONSTRAINT migrations_status_check
    CHECK (status IN ('running', 'failed', 'finished', 'restoring', 'restored')),
  ADD COLUMN restore jsonb,
  ADD COLUMN schedule jsonb,
  ADD COLUMN resting jsonb,
  ADD COLUMN slice_started_at timestamptz,
  ADD COLUMN slice_processed bigint NOT NULL DEFAULT 0,
  ADD COLUMN cleaned_up_at timestamptz;

INSERT INTO data_migrations.version (version) VALUES (2);

ALTER TABLE data_migrations.rebuilds
  ADD COLUMN horizon bigint NOT NULL DEFAULT 0,
  ADD COLUMN behind bigint,
  ADD COLUMN holds integer NOT NULL DEFAULT 0;

INSERT INTO data_migrations.version (version) VALUES (3);

ALTER TABLE data_migrations.runs
  DROP COLUMN first_arn,
  DROP COLUMN result,
  ADD COLUMN lock text NOT NULL DEFAULT '',
  ADD COLUMN part integer NOT NULL DEFAULT 1,
  ADD COLUMN code text,
  ADD COLUMN renew boolean NOT NULL DEFAULT false,
  ADD COLUMN results jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN waiting jsonb;

DROP INDEX data_migrations.one_run_at_a_time;

CREATE UNIQUE INDEX one_run_for_each_lock ON data_migrations.runs (lock) WHERE status = 'running';

ALTER TABLE data_migrations.migrations
  ADD COLUMN tables jsonb NOT NULL DEFAULT '[]';

CREATE TABLE data_migrations.controls (
  migration text PRIMARY KEY,
  paused jsonb,
  tuned jsonb
);

CREATE TABLE data_migrations.history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  event text NOT NULL,
  migration text,
  run text,
  who text,
  detail text
);

INSERT INTO data_migrations.version (version) VALUES (4);

CREATE TABLE data_migrations.ranges (
  migration text NOT NULL REFERENCES data_migrations.migrations (name) ON DELETE CASCADE,
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
) WITH (fillfactor = 50);

INSERT INTO data_migrations.version (version) VALUES (5);

CREATE TABLE data_migrations.transforming (
  migration text NOT NULL REFERENCES data_migrations.migrations (name) ON DELETE CASCADE,
  range integer NOT NULL,
  batches bigint NOT NULL,
  rows integer NOT NULL,
  key jsonb,
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (migration, range)
) WITH (fillfactor = 50);

ALTER TABLE data_migrations.migrations
  ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now();

INSERT INTO data_migrations.version (version) VALUES (6);

ALTER TABLE data_migrations.version
  ADD COLUMN compatible boolean NOT NULL DEFAULT false;

INSERT INTO data_migrations.version (version) VALUES (7);

CREATE TABLE data_migrations.rates (
  migration text PRIMARY KEY REFERENCES data_migrations.migrations (name) ON DELETE CASCADE,
  samples jsonb NOT NULL
);

INSERT INTO data_migrations.version (version, compatible) VALUES (8, true);
