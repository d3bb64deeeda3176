-- The drill's own orders, and as much of the demo's tables as its follow-up job reads.

SET search_path = public;

DROP TABLE IF EXISTS orders, employee_events, employee_projection;

CREATE TABLE orders (
  id integer PRIMARY KEY,
  total_text text NOT NULL,
  total numeric,
  label text
);
INSERT INTO orders (id, total_text) SELECT n, n || '.50' FROM generate_series(1, 30) AS n;

CREATE TABLE employee_events (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  employee_id uuid NOT NULL,
  type text NOT NULL,
  payload bytea NOT NULL,
  encoding text NOT NULL DEFAULT 'json',
  occurred_at timestamptz NOT NULL
);
INSERT INTO employee_events (employee_id, type, payload, occurred_at)
SELECT md5('employee ' || n)::uuid, 'renamed', convert_to('{"name": "Ada"}', 'UTF8'), timestamptz '2024-01-01 00:00Z'
FROM generate_series(1, 30) AS n;
