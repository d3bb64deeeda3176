-- The tables of Medusa 2.21 (@medusajs/pricing, @medusajs/order) that the migrations are about, as they are in the middle of a release: the
-- new columns are there and may be NULL.

CREATE TABLE price_set (
  id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz NULL,
  CONSTRAINT price_set_pkey PRIMARY KEY (id)
);

CREATE TABLE price (
  id text NOT NULL,
  title text,
  price_set_id text NOT NULL,
  currency_code text NOT NULL,
  raw_amount jsonb NULL, -- new
  rules_count integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz NULL,
  price_list_id text NULL,
  amount numeric NOT NULL,
  min_quantity numeric NULL,
  max_quantity numeric NULL,
  CONSTRAINT price_pkey PRIMARY KEY (id),
  CONSTRAINT price_price_set_id_foreign FOREIGN KEY (price_set_id) REFERENCES price_set (id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX "IDX_price_price_set_id" ON price (price_set_id) WHERE deleted_at IS NULL;
CREATE INDEX "IDX_price_currency_code" ON price (currency_code) WHERE deleted_at IS NULL;
CREATE INDEX "IDX_price_deleted_at" ON price (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TYPE order_status_enum AS ENUM ('pending', 'completed', 'draft', 'archived', 'canceled', 'requires_action');

CREATE TABLE "order" (
  id text NOT NULL,
  region_id text NULL,
  display_id serial,
  customer_id text NULL,
  version integer NOT NULL DEFAULT 1,
  sales_channel_id text NULL,
  status order_status_enum NOT NULL DEFAULT 'pending',
  is_draft_order boolean NOT NULL DEFAULT false,
  email text NULL,
  currency_code text NOT NULL,
  shipping_address_id text NULL,
  billing_address_id text NULL,
  no_notification boolean NULL,
  metadata jsonb NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz NULL,
  canceled_at timestamptz NULL,
  custom_display_id text NULL,
  locale text NULL,
  payment_status text NULL, -- new
  CONSTRAINT order_pkey PRIMARY KEY (id)
);
CREATE INDEX "IDX_order_display_id" ON "order" (display_id) WHERE deleted_at IS NULL;
CREATE INDEX "IDX_order_customer_id" ON "order" (customer_id) WHERE deleted_at IS NULL;
CREATE INDEX "IDX_order_currency_code" ON "order" (currency_code) WHERE deleted_at IS NULL;
CREATE INDEX "IDX_order_deleted_at" ON "order" (deleted_at);
CREATE UNIQUE INDEX "IDX_order_custom_display_id" ON "order" (custom_display_id) WHERE deleted_at IS NULL;

CREATE TABLE order_summary (
  id text NOT NULL,
  order_id text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  totals jsonb NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz NULL,
  CONSTRAINT order_summary_pkey PRIMARY KEY (id),
  CONSTRAINT order_summary_order_id_foreign FOREIGN KEY (order_id) REFERENCES "order" (id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX "IDX_order_summary_order_id_version" ON order_summary (order_id, version) WHERE deleted_at IS NULL;

CREATE TABLE order_transaction (
  id text NOT NULL,
  order_id text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  amount numeric NOT NULL,
  raw_amount jsonb NOT NULL,
  currency_code text NOT NULL,
  reference text NULL,
  reference_id text NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz NULL,
  return_id text NULL,
  claim_id text NULL,
  exchange_id text NULL,
  CONSTRAINT order_transaction_pkey PRIMARY KEY (id),
  CONSTRAINT order_transaction_order_id_foreign FOREIGN KEY (order_id) REFERENCES "order" (id) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX "IDX_order_transaction_order_id_version" ON order_transaction (order_id, version) WHERE deleted_at IS NULL;
CREATE INDEX "IDX_order_transaction_reference_id" ON order_transaction (reference_id) WHERE deleted_at IS NULL;
