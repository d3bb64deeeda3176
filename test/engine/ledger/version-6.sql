-- The ledger of version 6, as a release before this one left it: a run stopped in the middle of its second migration. Row 31 of
-- counters holds the largest integer, to which one cannot be added: a row error.

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

INSERT INTO data_migrations.runs
SELECT * FROM jsonb_populate_recordset(NULL::data_migrations.runs, '[
  {"code": "", "lock": "", "part": 1, "renew": false, "stage": null, "slices": 2, "status": "running", "failure": null, "request": {}, "results": {"labels": {"errors": 0, "total_updated": 60, "total_processed": 60, "duration_seconds": 0.1}}, "waiting": null, "ended_at": null, "started_at": "2026-11-27T20:43:37.618962+00:00", "execution_arn": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "redrive_count": 0}
]');

INSERT INTO data_migrations.migrations
SELECT * FROM jsonb_populate_recordset(NULL::data_migrations.migrations, '[
  {"run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "name": "labels", "pass": 1, "claim": null, "cursor": ["60"], "result": {"errors": 0, "total_updated": 60, "total_processed": 60, "duration_seconds": 0.1}, "status": "finished", "tables": ["public.counters"], "batches": 1, "resting": null, "restore": null, "moved_at": "2026-11-27T20:43:38.361005+00:00", "schedule": null, "conflicted": [], "rows_known": 60, "started_at": "2026-11-27T20:43:37.875204+00:00", "finished_at": "2026-11-27T20:43:38.434864+00:00", "pass_updated": 60, "cleaned_up_at": null, "total_updated": 60, "still_matching": 0, "seconds_per_row": null, "slice_processed": 0, "total_processed": 60, "duration_seconds": 0.10577782100000022, "slice_started_at": "2026-11-27T20:43:38.076494+00:00"},
  {"run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "name": "add-one-in-sql", "pass": 1, "claim": "34830abb-889a-46f0-8d7b-174e7aaf29b6", "cursor": ["50"], "result": null, "status": "running", "tables": ["public.counters"], "batches": 6, "resting": null, "restore": null, "moved_at": "2026-11-27T20:43:39.914673+00:00", "schedule": null, "conflicted": [], "rows_known": 60, "started_at": "2026-11-27T20:43:38.792787+00:00", "finished_at": null, "pass_updated": 49, "cleaned_up_at": null, "total_updated": 49, "still_matching": 0, "seconds_per_row": 0.0069344136, "slice_processed": 0, "total_processed": 50, "duration_seconds": 0.5454226029999996, "slice_started_at": "2026-11-27T20:43:39.164984+00:00"}
]');

INSERT INTO data_migrations.row_errors
SELECT * FROM jsonb_populate_recordset(NULL::data_migrations.row_errors, '[
  {"at": "2026-11-27T20:43:39.820984+00:00", "key": ["31"], "run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "reason": "ERROR: integer out of range; SQLState: 22003", "sqlstate": "22003", "migration": "add-one-in-sql"}
]');

INSERT INTO data_migrations.history (at, event, migration, run, who, detail)
SELECT at, event, migration, run, who, detail FROM jsonb_populate_recordset(NULL::data_migrations.history, '[
  {"at": "2026-11-27T20:43:37.618962+00:00", "run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "who": null, "event": "run started", "detail": null, "migration": null},
  {"at": "2026-11-27T20:43:37.875204+00:00", "run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "who": null, "event": "begun", "detail": null, "migration": "labels"},
  {"at": "2026-11-27T20:43:38.434864+00:00", "run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "who": null, "event": "finished", "detail": "60 rows", "migration": "labels"},
  {"at": "2026-11-27T20:43:38.792787+00:00", "run": "arn:aws:states:eu-central-1:123456789012:execution:run-migrations:d94b4194-363f-4db9-bcf8-cf735af8b010", "who": null, "event": "begun", "detail": null, "migration": "add-one-in-sql"}
]');

CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL);

INSERT INTO counters SELECT n, CASE WHEN n = 31 THEN 2147483647 WHEN n <= 50 THEN 1 ELSE 0 END FROM generate_series(1, 60) AS n;
