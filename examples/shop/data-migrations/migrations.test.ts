import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { shop } from '../migrations.config.ts';
import { migrations } from './index.ts';
import { orderPaymentStatus } from './order-payment-status.ts';
import { orderSummaryTotals } from './order-summary-totals.ts';
import { priceAmounts } from './price-amounts.ts';

const unchanged = { runs: 3, final_state: 'unchanged' };

let system: TestSystem;
before(async () => {
  system = await startTestSystem(shop);
});
after(() => system?.stop());

test('Prices are in the unit of their currency, and exact', async () => {
  // docs: prices
  assert.deepEqual(await system.verify(priceAmounts), { ...unchanged, rows_updated: 2_996, errors: 2 });
  assert.deepEqual(await system.migrate(priceAmounts), {
    total_processed: 3_000,
    total_updated: 2_996,
    errors: 2,
    validations: [{ name: 'amounts_agree', passed: true, failed_rows: 0 }],
  });
  // docs: end
  const prices = await system.query(
    `SELECT currency_code, amount, raw_amount, deleted_at IS NOT NULL AS deleted FROM price WHERE id = ANY ($1) ORDER BY id`,
    [['price_01J000001', 'price_01J000002', 'price_01J000003', 'price_01J000100', 'price_01K000002']],
  );
  const exact = (value: string) => ({ value, precision: 20 });
  assert.deepEqual(prices, [
    { currency_code: 'usd', amount: '0.37', raw_amount: exact('0.37'), deleted: false },
    { currency_code: 'jpy', amount: '74', raw_amount: exact('74'), deleted: false },
    { currency_code: 'kwd', amount: '0.111', raw_amount: exact('0.111'), deleted: false },
    { currency_code: 'eur', amount: '37', raw_amount: exact('37'), deleted: true },
    {
      currency_code: 'jpy',
      amount: '90071992547409931',
      raw_amount: exact('90071992547409931'),
      deleted: false,
    },
  ]);
  assert.deepEqual(await system.errors(priceAmounts), [
    { key: ['price_01J000999'], reason: 'there is no currency bit', sqlstate: null },
    { key: ['price_01J001999'], reason: 'there is no currency bit', sqlstate: null },
  ]);
});

test('The payment status waits for the totals that it is worked out from', async () => {
  await assert.rejects(system.migrate(orderPaymentStatus), /order-summary-totals/);
});

test('Totals have their exact value beside them, without the rounding of doubles', async () => {
  assert.deepEqual(await system.verify(orderSummaryTotals), { ...unchanged, rows_updated: 4_397, errors: 1 });
  assert.deepEqual(await system.migrate(orderSummaryTotals), {
    total_processed: 4_400,
    total_updated: 4_397,
    errors: 1,
  });
  const [eleventh] = await system.query('SELECT totals FROM order_summary WHERE order_id = $1', [
    'order_01J000022',
  ]);
  assert.deepEqual(eleventh?.totals, {
    paid_total: 0,
    raw_paid_total: { value: '0', precision: 20 },
    pending_difference: 5.7e-14,
    raw_pending_difference: { value: '0', precision: 20 },
    current_order_total: 22.3,
    raw_current_order_total: { value: '22.3', precision: 20 },
    original_order_total: 22.3,
    raw_original_order_total: { value: '22.3', precision: 20 },
  });
  assert.deepEqual(await system.errors(orderSummaryTotals), [
    {
      key: ['ordsum_01J000025'],
      reason: 'totals.current_order_total: expected number or an object, got "12.3"',
      sqlstate: null,
    },
  ]);
});

test('Each order has its payment status, deleted ones too, except where nobody knows its total', async () => {
  assert.deepEqual(await system.verify(orderPaymentStatus), { ...unchanged, rows_updated: 3_998, errors: 2 });
  assert.deepEqual(await system.migrate(orderPaymentStatus), {
    total_processed: 4_000,
    total_updated: 3_998,
    errors: 2,
    validations: [{ name: 'value_set', passed: true, failed_rows: 0 }],
  });
  const counts = await system.query(
    'SELECT payment_status AS status, count(*)::integer AS orders FROM "order" GROUP BY 1 ORDER BY 1',
  );
  assert.deepEqual(counts, [
    { status: 'canceled', orders: 160 },
    { status: 'captured', orders: 799 },
    { status: 'not_paid', orders: 1_440 },
    { status: 'partially_captured', orders: 799 },
    { status: 'refunded', orders: 800 },
    { status: null, orders: 2 },
  ]);
  const errors = await system.errors(orderPaymentStatus);
  assert.deepEqual(
    errors.map(({ key }) => key),
    [['order_01J000011'], ['order_01J000012']],
  );
});

test('A second run has nothing to do', async () => {
  assert.deepEqual(await system.run(), Object.fromEntries(migrations.map(({ name }) => [name, 'skipped'])));
});
