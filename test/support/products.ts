import type { TestDatabase } from './database.ts';

export const rows = 30;
/** What a clean-up says that it dropped. */
export const dropped = [
  'the marker column price_migrated of products, with its index',
  'the undo journal data_migrations."undo_prices"',
  'the record of 1 row error',
];

/** A fresh table of products, with two rows that cannot be migrated. */
export async function products(database: TestDatabase): Promise<void> {
  await database.query('DROP TABLE IF EXISTS products CASCADE');
  await database.query(
    'CREATE TABLE products (id integer PRIMARY KEY, price_text text NOT NULL, price numeric, total numeric)',
  );
  await database.query(`INSERT INTO products SELECT n, n || '.50' FROM generate_series(1, $1::int) AS n`, [
    rows,
  ]);
  await database.query(`UPDATE products SET price_text = 'dear' WHERE id IN (7, 8)`);
}

/** What a migration has left in the catalog and in the ledger. */
export async function remains(database: TestDatabase) {
  const [found] = await database.query(`
    SELECT (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = 'products'::regclass AND attnum > 0 AND NOT attisdropped) AS columns,
      (SELECT count(*)::int FROM pg_index WHERE indrelid = 'products'::regclass) AS indexes,
      (SELECT count(*)::int FROM pg_class WHERE relname = 'undo_prices') AS journals,
      (SELECT count(*)::int FROM data_migrations.row_errors) AS row_errors,
      (SELECT json_agg(json_build_array(status, cleaned_up_at IS NOT NULL)) FROM data_migrations.migrations
        WHERE name = 'prices') AS ledger`);
  return found;
}
/** What remains before a clean-up. */
export const everything = {
  columns: 'id price_text price total price_migrated',
  indexes: 2,
  journals: 1,
  row_errors: 1,
  ledger: [['finished', false]],
};
/** What remains after it. */
export const nothing = {
  columns: 'id price_text price total',
  indexes: 1,
  journals: 0,
  row_errors: 0,
  ledger: [['finished', true]],
};
