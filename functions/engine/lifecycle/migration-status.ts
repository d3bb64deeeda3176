import { picklist } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Registered } from '../define/registered.ts';
import { type Status, statuses } from '../ledger/life-cycle.ts';
import { ledger } from '../ledger/names.ts';
import { isPending } from './pending.ts';

/** How a migration stands in the ledger; undefined if it has never run. */
export async function statusOf(database: Database, migration: string): Promise<Status | undefined> {
  const [row] = await database.query(sql`SELECT status FROM ${ledger.migrations} WHERE name = ${migration}`, {
    status: picklist(statuses),
  });
  return row?.status;
}

/** Whether a migration is done: finished, or there was never anything to do. */
export async function isFinished(database: Database, migration: Registered): Promise<boolean> {
  const status = await statusOf(database, migration.name);
  return status === 'finished' || (status === undefined && !(await isPending(database, migration)));
}
