import { boolean, string } from 'valibot';
import type { Execution } from '../../functions/contract.ts';
import type { Database, Statements } from '../../functions/engine/database/data-api.ts';
import {
  identifier,
  regclass,
  type Sql,
  sql,
  tableName,
  textOf,
  unsafeSql,
} from '../../functions/engine/database/sql.ts';
import { limited } from '../../functions/engine/database/transaction-limits.ts';
import { MigrationFailed } from '../../functions/engine/errors.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import { upgradeLedger } from '../../functions/engine/ledger/schema.ts';
import type { Projection } from '../projections/projection.ts';

/** The fresh table that a rebuild fills. */
export function freshTable({ table }: Projection): Sql {
  return identifier(...freshName(table));
}

/** Its name, in the parts that are quoted one by one. */
export function freshName(table: string): string[] {
  const parts = table.split('.');
  return [...parts.slice(0, -1), `${parts.at(-1)}_rebuild`];
}

/**
 * Begins a rebuild with a fresh, empty table; called again by the same execution, it leaves the table as it is. A rebuild of
 * another execution that is still under way is superseded: this one sees every event that the other one would have seen.
 */
export async function prepare(database: Database, projection: Projection, caller: Execution): Promise<void> {
  await upgradeLedger(database);
  await checkSwappable(database, projection.table);
  await database.transaction(async (tx) => {
    await tx.execute(limited());
    const [begun] = await tx.query(
      sql`
      INSERT INTO ${ledger.rebuilds} AS r (job, execution_arn, redrive_count)
      VALUES (${projection.job}, ${caller.execution_arn}, ${caller.redrive_count})
      ON CONFLICT (job) DO UPDATE SET execution_arn = excluded.execution_arn, redrive_count = excluded.redrive_count,
        claim = NULL, batches = 0, position = 0, horizon = 0, behind = NULL, holds = 0, events = 0, projections = NULL,
        started_at = now(), finished_at = NULL
        WHERE r.execution_arn <> excluded.execution_arn OR r.redrive_count < excluded.redrive_count
      RETURNING job`,
      {},
    );
    if (!begun) {
      return;
    }
    const table = tableName(projection.table);
    const fresh = freshTable(projection);
    await tx.execute(sql`DROP TABLE IF EXISTS ${fresh}`);
    await tx.execute(sql`CREATE TABLE ${fresh} (LIKE ${table} INCLUDING ALL)`);
    for (const grant of await grantsOn(tx, projection.table, fresh)) {
      await tx.execute(grant);
    }
  });
}

/** Who may read the projection may read its successor. */
async function grantsOn(tx: Statements, table: string, fresh: Sql): Promise<Sql[]> {
  const rows = await tx.query(
    sql`
    SELECT acl.privilege_type AS privilege, acl.is_grantable AS grantable, COALESCE(quote_ident(r.rolname), 'PUBLIC') AS grantee
    FROM pg_class c, aclexplode(c.relacl) AS acl LEFT JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.oid = ${regclass(tableName(table))} AND acl.grantee <> c.relowner`,
    { privilege: string(), grantable: boolean(), grantee: string() },
  );
  return rows.map(({ privilege, grantable, grantee }) => {
    const option = grantable ? ' WITH GRANT OPTION' : '';
    return unsafeSql(`GRANT ${privilege} ON ${textOf(fresh)} TO ${grantee}${option}`);
  });
}

/** What a swap would lose or break makes it refuse, before anything is built. */
async function checkSwappable(database: Database, table: string): Promise<void> {
  const [found] = await database.query(
    sql`
    SELECT concat_ws(', ',
      (SELECT 'foreign keys' WHERE EXISTS (
        SELECT FROM pg_constraint WHERE contype = 'f' AND c.oid IN (conrelid, confrelid))),
      (SELECT 'triggers' WHERE EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)),
      (SELECT 'row security policies' WHERE EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)),
      (SELECT 'grants on columns' WHERE EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL)),
      (SELECT 'publications' WHERE EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = c.oid)),
      (SELECT 'storage parameters' WHERE c.reloptions IS NOT NULL),
      (SELECT 'views on it' WHERE EXISTS (
        SELECT FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
        WHERE d.refobjid = c.oid AND w.ev_class <> c.oid))
    ) AS obstacles
    FROM pg_class c WHERE c.oid = ${regclass(tableName(table))}`,
    { obstacles: string() },
  );
  if (!found) {
    throw new MigrationFailed(
      `there is no table ${table} to rebuild; create it, empty, with the columns it is to have`,
    );
  }
  if (found.obstacles !== '') {
    throw new MigrationFailed(
      `${table} has ${found.obstacles}, which swapping in a fresh table would lose; take them off it`,
    );
  }
}
