/** A first migration, of the tables in the example's schema. */
export const example = (): string => `import { backfill, noNulls, sql } from 'serverless-data-migrations';

/** An example: fills the new column \`full_name\`, which releases before this one did not write. */
export const customersFullName = backfill({
  name: 'customers-full-name',
  table: 'customers',
  key: 'id',
  // Rows that still need the change. One that has been changed must not match any more.
  where: sql\`full_name IS NULL\`,
  set: { full_name: sql\`first_name || ' ' || last_name\` },
  // What must hold for every row in the end, or else the run fails.
  validate: [noNulls('full_name')],
});
`;
