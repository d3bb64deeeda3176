import { backfill, oneOf, sql } from 'serverless-data-migrations';

const paid = sql`(
  SELECT COALESCE(sum(t.amount) FILTER (WHERE t.amount > 0), 0) FROM order_transaction t
  WHERE t.order_id = "order".id AND t.deleted_at IS NULL)`;
const refunded = sql`(
  SELECT -COALESCE(sum(t.amount) FILTER (WHERE t.amount < 0), 0) FROM order_transaction t
  WHERE t.order_id = "order".id AND t.deleted_at IS NULL)`;
const total = sql`(
  SELECT (s.totals -> 'raw_current_order_total' ->> 'value')::numeric FROM order_summary s
  WHERE s.order_id = "order".id AND s.version = "order".version AND s.deleted_at IS NULL)`;

/**
 * Writes down for each order whether it is paid, which lists of orders would otherwise work out from its transactions. An order whose
 * total nobody knows is a row error.
 */
export const orderPaymentStatus = backfill({
  name: 'order-payment-status',
  table: 'order',
  key: 'id',
  where: sql`payment_status IS NULL`,
  set: {
    payment_status: sql`CASE
      WHEN canceled_at IS NOT NULL THEN 'canceled'
      WHEN ${refunded} > 0 THEN CASE WHEN ${refunded} >= ${paid} THEN 'refunded' ELSE 'partially_refunded' END
      WHEN ${paid} >= ${total} THEN 'captured'
      WHEN ${paid} > 0 AND ${total} IS NOT NULL THEN 'partially_captured'
      WHEN ${total} IS NOT NULL THEN 'not_paid'
    END`,
  },
  validate: [
    oneOf('payment_status', [
      'not_paid',
      'partially_captured',
      'captured',
      'partially_refunded',
      'refunded',
      'canceled',
    ]),
  ],
  // The totals are read in their exact form.
  requires: ['order-summary-totals'],
  // The largest table, and nobody waits for it: a day, so that who orders hardly notices.
  within: 'P1D',
});
