-- The ledger of version 3, as a release before this one left it: a run stopped in the middle of its
-- second migration, in its second part. Row 31 of counters holds the largest integer, to which one cannot be added: a row error.

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

ALTER TABLE data_migrations.rebuilds
  ADD COLUMN horizon bigint NOT NULL DEFAULT 0,
  ADD COLUMN behind bigint,
  ADD COLUMN holds integer NOT NULL DEFAULT 0;

INSERT INTO data_migrations.version (version, applied_at) VALUES (1, '2026-11-26 22:51:45.557221+00'), (2, '2026-11-26 22:51:45.557221+00'), (3, '2026-11-26 22:51:45.557221+00');

INSERT INTO data_migrations.runs (execution_arn, redrive_count, status, first_arn, slices, failure, started_at, ended_at, request, stage, result) VALUES (
  'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010', 0, 'continued',
  'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010', 4, NULL,
  '2026-11-26 22:51:45.682028+00', '2026-11-26 22:51:46.091839+00', '{}', NULL, NULL
), (
  'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010-part-2', 0,
  'running', 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010', 3,
  NULL, '2026-11-26 22:51:46.091839+00', NULL, '{}', NULL, NULL
);

INSERT INTO data_migrations.migrations (
  name, status, run, claim, batches, pass, cursor, conflicted, total_processed, total_updated, pass_updated, still_matching,
  duration_seconds, seconds_per_row, rows_known, result, started_at, finished_at, restore, schedule, resting,
  slice_started_at, slice_processed, cleaned_up_at
) VALUES (
  'employee-event-payloads', 'finished',
  'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010', NULL, 1, 1,
  '["10"]', '[]', 10, 10, 10, 0, 0.04332294900000022, NULL, 10,
  '{"errors": 0, "total_updated": 10, "total_processed": 10, "duration_seconds": 0.0}', '2026-11-26 22:51:45.758442+00',
  '2026-11-26 22:51:45.834928+00', NULL, NULL, NULL, '2026-11-26 22:51:45.771959+00', 0, NULL
), (
  'add-one-in-sql', 'running',
  'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010-part-2',
  '91b0e6b0-fa80-40df-bf4b-c78026985591', 6, 1, '["50"]', '[]', 50, 49, 49, 0, 0.11062894299999737, 0.0007945790062500292,
  60, NULL, '2026-11-26 22:51:45.904925+00', NULL, NULL, NULL, NULL, '2026-11-26 22:51:46.337671+00', 50, NULL
);

INSERT INTO data_migrations.row_errors (migration, key, run, reason, sqlstate, at) VALUES (
  'add-one-in-sql', '["31"]',
  'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010-part-2',
  'ERROR: integer out of range; SQLState: 22003', '22003', '2026-11-26 22:51:46.251326+00'
);

INSERT INTO data_migrations.follow_ups (job, owed_since, run, execution_name) VALUES ('rebuild-employee-projections', '2026-11-26 22:51:45.834928+00', NULL, NULL);

CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL, in_code integer NOT NULL);

INSERT INTO counters (id, in_sql, in_code) VALUES
  (1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0), (5, 1, 0), (6, 1, 0), (7, 1, 0), (8, 1, 0), (9, 1, 0), (10, 1, 0),
  (11, 1, 0), (12, 1, 0), (13, 1, 0), (14, 1, 0), (15, 1, 0), (16, 1, 0), (17, 1, 0), (18, 1, 0), (19, 1, 0), (20, 1, 0),
  (21, 1, 0), (22, 1, 0), (23, 1, 0), (24, 1, 0), (25, 1, 0), (26, 1, 0), (27, 1, 0), (28, 1, 0), (29, 1, 0), (30, 1, 0),
  (31, 2147483647, 0), (32, 1, 0), (33, 1, 0), (34, 1, 0), (35, 1, 0), (36, 1, 0), (37, 1, 0), (38, 1, 0), (39, 1, 0), (40, 1, 0),
  (41, 1, 0), (42, 1, 0), (43, 1, 0), (44, 1, 0), (45, 1, 0), (46, 1, 0), (47, 1, 0), (48, 1, 0), (49, 1, 0), (50, 1, 0),
  (51, 0, 0), (52, 0, 0), (53, 0, 0), (54, 0, 0), (55, 0, 0), (56, 0, 0), (57, 0, 0), (58, 0, 0), (59, 0, 0), (60, 0, 0);
