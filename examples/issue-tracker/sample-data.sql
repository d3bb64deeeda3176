-- A tracker of some thousand rows, with the odd ones that years leave behind.

INSERT INTO roles (name) VALUES ('Manager'), ('Developer'), ('Reporter');
INSERT INTO trackers (name) VALUES ('Bug'), ('Feature'), ('Support'), ('A name of just thirty letters.');
INSERT INTO issue_statuses (name, is_closed) VALUES ('New', false), ('In progress', false), ('Closed', true);
INSERT INTO enumerations (name, type) VALUES ('Normal', 'IssuePriority'), ('High', 'IssuePriority'), ('Design', 'TimeEntryActivity');
INSERT INTO custom_fields (type, name, field_format, possible_values)
VALUES ('IssueCustomField', 'Browser', 'list', E'---\n- Firefox\n- Chromium\n');

INSERT INTO users (login, firstname, lastname, created_on, updated_on, type)
SELECT 'user' || i, 'First' || i, 'Last' || i, '2012-03-25 02:30', '2012-03-25 02:30', 'User' FROM generate_series(1, 3000) AS i;

INSERT INTO email_addresses (user_id, address, is_default, created_on, updated_on)
SELECT id, CASE WHEN id % 3 = 0 THEN 'User' || id || '@Example.ORG' WHEN id % 50 = 1 THEN ' user' || id || '@example.org ' ELSE 'user' || id || '@example.org' END,
  true, created_on, updated_on
FROM users;

-- The same address for two people, in another case or with a blank; and what was never an address.
INSERT INTO email_addresses (user_id, address, created_on, updated_on)
SELECT id + 1, 'USER' || id || '@example.org', created_on, updated_on FROM users WHERE id <= 9;
INSERT INTO email_addresses (user_id, address, created_on, updated_on)
VALUES (40, 'user40@example.org ', '2015-01-13', '2015-01-13'), (41, 'nobody', '2015-01-13', '2015-01-13');

-- Saved queries: by Rails of today, with indifferent hashes of older ones, and without any filter.
INSERT INTO queries (project_id, name, filters, user_id, column_names, sort_criteria, type, options)
SELECT NULLIF(i % 20, 0), 'Query ' || i,
  E'---\nstatus_id:\n  :operator: o\n  :values:\n  - \'\'\nassigned_to_id:\n  :operator: "="\n  :values:\n  - me\n  - \'' || i || E'\'\n',
  1 + i % 3000, CASE WHEN i % 2 = 0 THEN E'---\n- :id\n- :subject\n- :cf_' || i % 9 || E'\n' END,
  E'---\n- - id\n  - desc\n', 'IssueQuery', E'---\n:totalable_names: []\n:draw_relations: true\n'
FROM generate_series(1, 2000) AS i;
UPDATE queries SET filters = E'--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\nstatus_id:\n  operator: c\n  values:\n  - \'1\'\n' WHERE id % 100 = 7;
UPDATE queries SET filters = NULL, sort_criteria = E'--- []\n', options = NULL WHERE id % 100 = 8;

-- A Ruby object, a text that was cut off by a column of 255 characters, and a query that the new release has written.
UPDATE queries SET options = E'--- !ruby/object:OpenStruct\ntable:\n  :a: 1\n' WHERE id = 500;
UPDATE queries SET filters = E'---\nstatus_id:\n  :operator: "=' WHERE id = 501;
UPDATE queries
SET filters = '{"status_id":{"operator":"o","values":[""]}}', column_names = NULL, sort_criteria = '[["id","desc"]]', options = '{}'
WHERE id = 502;
