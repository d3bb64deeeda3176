-- The demo application's data: the same on every machine, since nothing in it is random.

-- 10,000 users; every twentieth has the right full name already.
INSERT INTO users (first_name, last_name, full_name, email, created_at)
SELECT first, last, CASE WHEN n % 20 = 0 THEN first || ' ' || last END,
  translate(lower(first || '.' || last), 'úñ''', 'un') || n || '@example.com', timestamptz '2020-01-01 00:00Z' + n * interval '3 hours'
FROM generate_series(1, 10000) AS n,
  LATERAL (SELECT
    (ARRAY['Ada', 'Alan', 'Barbara', 'Edsger', 'Frances', 'Grace', 'Jim', 'Katherine', 'Leslie', 'Margaret', 'Radia'])
      [1 + n % 11] AS first,
    (ARRAY['Allen', 'Dijkstra', 'Gray', 'Hamilton', 'Hopper', 'Johnson', 'Lamport', 'Liskov', 'Lovelace', 'Núñez',
      'O''Neil', 'Perlman', 'Turing'])[1 + n % 13] AS last) AS names;

-- 3,000 engine configs: 600 in the new form, 150 with no condition at all, the others in the old form.
INSERT INTO engine_configs (id, organisation_id, name, conditions)
SELECT 'cfg_' || lpad(n::text, 6, '0'), md5('organisation ' || n % 40)::uuid, 'Rule ' || n,
  CASE
    WHEN n % 20 = 1 THEN '[]'
    WHEN n % 5 = 0 THEN jsonb_build_array(
      jsonb_build_object('conditions', conditions), jsonb_build_object('conditions', jsonb_build_array(conditions -> 0)))
    ELSE conditions
  END
FROM generate_series(1, 3000) AS n,
  LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
      'subject', (ARRAY['incident.severity', 'incident.team', 'alert.source', 'alert.priority'])[1 + (n + k) % 4],
      'operation', (ARRAY['is', 'is_not', 'contains', 'at_least'])[1 + (n * 3 + k) % 4],
      'value', 'v' || (n * 7 + k) % 100) ORDER BY k) AS conditions
    FROM generate_series(1, 1 + n % 4) AS k
  ) AS old;

-- 20,000 events of 2,000 employees, interleaved as life does it: everybody is hired first, every fifth has left at last.
INSERT INTO employee_events (employee_id, type, payload, occurred_at)
SELECT md5('employee ' || employee)::uuid, type, convert_to((CASE type
    WHEN 'hired' THEN json_build_object('name', name, 'title', 'Engineer', 'office', office, 'on', day::date)
    WHEN 'renamed' THEN json_build_object('name', name || '-' || surname)
    WHEN 'moved' THEN json_build_object('office', office, 'on', day::date)
    WHEN 'promoted' THEN json_build_object('title', title, 'on', day::date)
    WHEN 'left' THEN json_build_object('on', day::date, 'reason', 'a new chapter')
  END)::text, 'UTF8'), day AT TIME ZONE 'UTC'
FROM generate_series(0, 9) AS nth, generate_series(1, 2000) AS employee,
  LATERAL (SELECT
    CASE WHEN nth = 0 THEN 'hired' WHEN nth = 9 AND employee % 5 = 0 THEN 'left'
      ELSE (ARRAY['renamed', 'moved', 'promoted'])[1 + (employee + nth) % 3] END AS type,
    'Employee ' || employee AS name,
    (ARRAY['Curie', 'Noether', 'Meitner', 'Goeppert'])[1 + nth % 4] AS surname,
    (ARRAY['Berlin', 'Lisbon', 'Nairobi', 'Osaka', 'Toronto'])[1 + (employee + nth) % 5] AS office,
    (ARRAY['Senior Engineer', 'Staff Engineer', 'Principal Engineer'])[1 + nth / 4] AS title,
    timestamp '2015-01-05' + (nth * 200 + employee % 180) * interval '1 day' AS day) AS facts
ORDER BY nth, employee;

ANALYZE users, engine_configs, employee_events;
