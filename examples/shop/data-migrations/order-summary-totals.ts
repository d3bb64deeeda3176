import { rewrite, sql } from 'serverless-data-migrations';
import { orderTotals, type StoredTotals } from '../money/order-totals.ts';

/** Puts the exact value beside each total of an order. */
export const orderSummaryTotals = rewrite<{ totals: StoredTotals }>({
  name: 'order-summary-totals',
  table: 'order_summary',
  key: 'id',
  columns: ['totals'],
  where: sql`totals IS NOT NULL AND totals -> 'raw_current_order_total' IS NULL`,
  // No index knows a summary's form: without the marker, asking what is left would read them all.
  marker: 'totals_are_exact',
  transform: ({ totals }) => ({ totals: orderTotals.read(totals) }),
});
