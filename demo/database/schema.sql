-- The demo application's tables, as they are when the release with the migrations arrives.

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  first_name text NOT NULL,
  last_name text NOT NULL,
  full_name text,
  email text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL
);

CREATE TABLE engine_configs (
  id text PRIMARY KEY,
  organisation_id uuid NOT NULL,
  name text NOT NULL,
  conditions jsonb NOT NULL
);

CREATE TABLE employee_events (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  employee_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('hired', 'renamed', 'moved', 'promoted', 'left')),
  payload bytea NOT NULL,
  encoding text NOT NULL DEFAULT 'json' CHECK (encoding IN ('json', 'cbor')),
  occurred_at timestamptz NOT NULL
);

CREATE TABLE employee_projection (
  employee_id uuid PRIMARY KEY,
  name text NOT NULL,
  title text NOT NULL,
  office text NOT NULL,
  status text NOT NULL CHECK (status IN ('employed', 'left')),
  hired_on date NOT NULL,
  left_on date,
  events integer NOT NULL,
  last_position bigint NOT NULL
);

CREATE INDEX employee_projection_office ON employee_projection (office) WHERE status = 'employed';
