import { boolean } from 'valibot';
import type { Statements } from './data-api.ts';
import { sql } from './sql.ts';

/** Whether the user of the secret may do anything: a superuser, or what RDS has instead of one. */
export async function isSuperuser(database: Statements): Promise<boolean> {
  const [found] = await database.query(
    sql`
    SELECT rolsuper OR EXISTS (
      SELECT FROM pg_roles rds WHERE rds.rolname = 'rds_superuser' AND pg_has_role(rds.oid, 'member')
    ) AS is_superuser
    FROM pg_roles WHERE rolname = current_user`,
    { is_superuser: boolean() },
  );
  return found?.is_superuser ?? false;
}
