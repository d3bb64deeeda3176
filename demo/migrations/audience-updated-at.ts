import { alterTables, partitionsMissingColumn, sql } from '../../functions/index.ts';

/** Gives every app's audience the column `updated_at`, which the tables of newer apps are made with. */
export const audienceUpdatedAt = alterTables({
  name: 'audience-updated-at',
  tables: partitionsMissingColumn({ schema: 'audience_data', column: 'updated_at' }),
  alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()`,
});
