import { backfill, emailFormat, noNulls, sql } from '../../functions/index.ts';

/** Fills the new column `full_name`, which releases before this one did not write. */
export const usersFullName = backfill({
  name: 'users-full-name',
  table: 'users',
  key: 'id',
  where: sql`full_name IS DISTINCT FROM first_name || ' ' || last_name`,
  set: { full_name: sql`first_name || ' ' || last_name` },
  validate: [noNulls('full_name'), emailFormat('email')],
  onInvalid: 'restore',
});
