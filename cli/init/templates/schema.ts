/** The database that the example works on. */
export const schema =
  (): string => `-- The database in which migrations run on this machine: npx migrations local, and the tests. This is an example. Put the tables of
-- your own here, without their rows:
--
--   pg_dump --schema-only --no-owner "$DATABASE_URL" > data-migrations/schema.sql
--
-- and then: npx migrations local --fresh. Rows to try migrations on may stand below, as here, or in a file of their own, named in
-- migrations.config.ts. With DATABASE_URL set, npx migrations local works on that database instead, and reads none of this.

CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  first_name text NOT NULL,
  last_name text NOT NULL,
  full_name text
);

INSERT INTO customers (first_name, last_name, full_name) VALUES
  ('Ada', 'Lovelace', NULL),
  ('Grace', 'Hopper', NULL),
  ('Katherine', 'Johnson', 'Katherine Johnson');
`;
