-- Builds of the demo application's pipelines: they name their stage, and are to point at it.

CREATE TABLE ci_stages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline_id bigint NOT NULL,
  name text NOT NULL,
  UNIQUE (pipeline_id, name)
);

CREATE TABLE ci_builds (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline_id bigint NOT NULL,
  stage text NOT NULL,
  name text NOT NULL,
  status text NOT NULL CHECK (status IN ('success', 'failed', 'canceled')),
  created_at timestamptz NOT NULL,
  stage_id bigint REFERENCES ci_stages
);

-- 1,000 stages, four in each of 250 pipelines.
INSERT INTO ci_stages (pipeline_id, name)
SELECT pipeline, stage
FROM generate_series(1, 250) AS pipeline,
  unnest(ARRAY['build', 'test', 'package', 'deploy']) WITH ORDINALITY AS stages (stage, nth)
ORDER BY pipeline, nth;

-- 50,000 builds; 200 of them, every 250th, of a stage that their pipeline, the first, has no more.
INSERT INTO ci_builds (pipeline_id, stage, name, status, created_at)
SELECT 1 + (n * 7) % 250,
  CASE WHEN n % 250 = 0 THEN 'canary' ELSE stage END,
  stage || ' ' || (ARRAY['linux', 'macos', 'windows'])[1 + n % 3],
  CASE WHEN n % 9 = 0 THEN 'failed' WHEN n % 31 = 0 THEN 'canceled' ELSE 'success' END,
  timestamptz '2024-01-01 00:00Z' + n * interval '20 minutes'
FROM generate_series(1, 50000) AS n,
  LATERAL (SELECT (ARRAY['build', 'test', 'package', 'deploy'])[1 + n % 4] AS stage) AS stages;

ANALYZE ci_stages, ci_builds;
