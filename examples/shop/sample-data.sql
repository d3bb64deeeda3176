-- A shop of some thousand rows, with the odd ones that a real one has.

INSERT INTO price_set (id) SELECT 'pset_01J' || lpad(i::text, 6, '0') FROM generate_series(1, 1500) AS i;

-- Two prices for each set. Every 100th is deleted; one of each 1,000 is in a currency that there never was.
INSERT INTO price (id, price_set_id, currency_code, amount, deleted_at)
SELECT 'price_01J' || lpad(i::text, 6, '0'), 'pset_01J' || lpad((1 + i / 2)::text, 6, '0'),
  CASE WHEN i % 1000 = 999 THEN 'bit' ELSE (ARRAY['eur', 'usd', 'jpy', 'kwd'])[1 + i % 4] END,
  (i * 37) % 100000, CASE WHEN i % 100 = 0 THEN now() END
FROM generate_series(1, 2998) AS i;

-- These have been written by the new release already.
INSERT INTO price (id, price_set_id, currency_code, amount, raw_amount) VALUES
  ('price_01K000001', 'pset_01J000001', 'eur', 19.99, '{"value": "19.99", "precision": 20}'),
  ('price_01K000002', 'pset_01J000002', 'jpy', 90071992547409931, '{"value": "90071992547409931", "precision": 20}');

INSERT INTO "order" (id, customer_id, version, status, email, currency_code, metadata, deleted_at, canceled_at)
SELECT 'order_01J' || lpad(i::text, 6, '0'), 'cus_01J' || lpad((i % 700)::text, 6, '0'), CASE WHEN i % 10 = 0 THEN 2 ELSE 1 END,
  (CASE WHEN i % 25 = 0 THEN 'canceled' WHEN i % 3 = 0 THEN 'completed' ELSE 'pending' END)::order_status_enum,
  'customer' || i % 700 || '@example.com', 'eur', CASE WHEN i % 7 = 0 THEN '{"gift": true}'::jsonb END,
  CASE WHEN i % 200 = 0 THEN now() END, CASE WHEN i % 25 = 0 THEN now() END
FROM generate_series(1, 4000) AS i;

-- One summary for each version of an order. The sums of an older release have the rounding of doubles in them.
INSERT INTO order_summary (id, order_id, version, totals)
SELECT 'ordsum_01J' || lpad((o.display_id * 2 + v)::text, 6, '0'), o.id, v, jsonb_build_object(
  'paid_total', 0, 'pending_difference', CASE WHEN o.display_id % 11 = 0 THEN 5.7e-14 ELSE 0 END,
  'current_order_total', o.display_id + 0.1 + 0.2::float8, 'original_order_total', o.display_id + 0.3)
FROM "order" o, generate_series(1, o.version) AS v;

-- An order without totals, one whose total is text, and some that have the new form.
UPDATE order_summary SET totals = NULL WHERE order_id = 'order_01J000011';
UPDATE order_summary SET totals = '{"current_order_total": "12.3"}' WHERE order_id = 'order_01J000012';
UPDATE order_summary SET totals = '{"current_order_total": 1013.3, "raw_current_order_total": {"value": "1013.3", "precision": 20}}'
WHERE order_id = 'order_01J001013';

-- Paid: all of it, half of it, with a payment that was deleted, all of it and given back.
INSERT INTO order_transaction (id, order_id, version, amount, raw_amount, currency_code, reference, deleted_at)
SELECT 'ordtrx_01J' || lpad((o.display_id * 2 + part)::text, 7, '0'), o.id, o.version, paid.amount,
  jsonb_build_object('value', paid.amount::text, 'precision', 20), o.currency_code, 'capture',
  CASE WHEN o.display_id % 5 = 3 THEN now() END
FROM "order" o, generate_series(0, 1) AS part,
  LATERAL (SELECT CASE
    WHEN part = 0 AND o.display_id % 5 = 1 THEN (o.display_id + 0.3) / 2
    WHEN part = 0 THEN o.display_id + 0.3
    WHEN o.display_id % 5 = 4 THEN -(o.display_id + 0.3) END AS amount) AS paid
WHERE o.display_id % 5 > 0 AND paid.amount IS NOT NULL;
