-- A shop, as somebody else has it: orders and what they consist of, events with JSON, and a schema for each of its tenants.
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer text NOT NULL,
  total_cents bigint
);
CREATE TABLE order_items (
  order_id bigint NOT NULL REFERENCES orders (id),
  line int NOT NULL,
  quantity int NOT NULL,
  price numeric(10, 2) NOT NULL,
  PRIMARY KEY (order_id, line)
);
CREATE TABLE "orderEvents" (
  id uuid PRIMARY KEY,
  payload jsonb NOT NULL
);
INSERT INTO orders (customer) SELECT 'customer ' || n FROM generate_series(1, 2000) n;
INSERT INTO order_items
SELECT o.id, line, 1 + (o.id + line) % 3, ((o.id * 37 + line) % 9000) / 100.0
FROM orders o, generate_series(1, 3) line;
INSERT INTO "orderEvents"
SELECT md5(n::text)::uuid, jsonb_build_object('type', 'placed', 'amount', (n % 500) || '.50', 'currency', 'EUR')
FROM generate_series(1, 1500) n;
DO $$
BEGIN
  FOR n IN 1..12 LOOP
    EXECUTE format('CREATE SCHEMA tenant_%s', n);
    EXECUTE format('CREATE TABLE tenant_%s.settings (key text PRIMARY KEY, value text NOT NULL)', n);
  END LOOP;
  ALTER TABLE tenant_7.settings ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
END $$;
