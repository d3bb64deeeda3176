import type { DrillDatabase } from './stack/database.ts';

/**
 * Gives the table of orders a trigger that takes so many seconds for each row, and leaves so many rows in it, so that nobody waits for long.
 */
export async function slowWrites(
  database: DrillDatabase,
  { seconds, rows }: { readonly seconds: number; readonly rows: number },
): Promise<void> {
  await database.query(`
    DELETE FROM orders WHERE id > ${rows};
    CREATE OR REPLACE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_sleep(${seconds}); RETURN NEW; END';
    CREATE TRIGGER doze BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION doze()`);
}
