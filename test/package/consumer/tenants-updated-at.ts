import { alterTables, sql, tablesMissingColumn } from 'serverless-data-migrations';

/** Every tenant's settings say when they were changed. */
export const tenantsUpdatedAt = alterTables({
  name: 'tenants-updated-at',
  tables: tablesMissingColumn({ schemas: 'tenant\\_%', table: 'settings', column: 'updated_at' }),
  alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()`,
});
