import { alterTables, sql } from 'serverless-data-migrations';

/** Lets every name be as long as that of a role, which an earlier release has widened already. No table is rewritten for it. */
export const namesOf255 = alterTables({
  name: 'names-of-255',
  tables: sql`
    SELECT table_schema AS schema, table_name AS name, character_maximum_length < 255 AS lacks
    FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'name' AND character_maximum_length IS NOT NULL`,
  alter: (table) => sql`ALTER TABLE ${table} ALTER COLUMN name TYPE varchar(255)`,
});
