import { employeeEventPayloads } from '../../demo/migrations/employee-event-payloads.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { condition } from '../../functions/engine/define/validations.ts';

const orders = { table: 'orders', key: 'id', pace: { maxRows: 5 } } as const;

/** Migrations with nothing wrong about them: the drill breaks what is around them. */
export const migrations: readonly Migration[] = [
  backfill({
    ...orders,
    name: 'order-totals',
    where: sql`total IS NULL`,
    set: { total: sql`total_text::numeric` },
    validate: [condition('not_negative', sql`total IS NULL OR total >= 0`)],
    onInvalid: 'report',
    errorBudget: 20,
  }),
  backfill({
    ...orders,
    name: 'order-labels',
    where: sql`label IS NULL`,
    set: { label: sql`'order ' || id` },
    within: 'PT1H',
  }),
  // With a follow-up job.
  employeeEventPayloads,
];
