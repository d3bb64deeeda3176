import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { emailFormat, noNulls } from '../../functions/engine/define/validations.ts';

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
