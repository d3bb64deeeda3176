import { backfill, noNulls, sql } from 'serverless-data-migrations';

/** What an order costs, from its items. */
export const ordersTotalCents = backfill({
  name: 'orders-total-cents',
  table: 'orders',
  key: 'id',
  where: sql`total_cents IS NULL`,
  set: {
    total_cents: sql`(SELECT sum(quantity * price) * 100 FROM order_items i WHERE i.order_id = orders.id)::bigint`,
  },
  validate: [noNulls('total_cents')],
  onInvalid: 'restore',
});
