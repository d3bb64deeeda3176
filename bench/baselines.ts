import type pg from 'pg';
import { conditionGroups } from './condition-groups.ts';

/** What a backfill is compared with: all rows in one statement, which no production database should have to bear. */
export async function singleUpdate(client: pg.Client, table: string): Promise<void> {
  await client.query(`
    UPDATE ${table} SET full_name = first_name || ' ' || last_name
    WHERE full_name IS DISTINCT FROM first_name || ' ' || last_name`);
}

const updateSize = 5_000;

/** What the application feels of a backfill is compared with: the smallest sensible batches that people write by hand, without a pause. */
export async function updatesInBatches(client: pg.Client, table: string, rows: number): Promise<void> {
  for (let after = 0; after < rows; after += updateSize) {
    await client.query(`
      UPDATE ${table} SET full_name = first_name || ' ' || last_name
      WHERE id > ${after} AND id <= ${after + updateSize} AND full_name IS DISTINCT FROM first_name || ' ' || last_name`);
  }
}

const batchSize = 1_000;

/**
 * What a rewrite is compared with: the loop that people write by hand. Reads the next 1,000 rows which a marker column says
 * are not migrated, and upserts them with the new value and the marker set.
 *
 * @param which A condition, where it is not to be all rows.
 */
export async function handWrittenLoop(client: pg.Client, table: string, which = 'true'): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      `SELECT * FROM ${table} WHERE NOT conditions_migrated AND ${which} LIMIT ${batchSize}`,
    );
    if (rows.length === 0) {
      return;
    }
    const values: unknown[] = [];
    const tuples = rows.map((row) => {
      values.push(row.id, row.organisation_id, JSON.stringify(conditionGroups.read(row.conditions)));
      const n = values.length;
      return `($${n - 2}, $${n - 1}, $${n}::jsonb, true)`;
    });
    await client.query(
      `INSERT INTO ${table} (id, organisation_id, conditions, conditions_migrated) VALUES ${tuples.join(', ')}
       ON CONFLICT (id) DO UPDATE
         SET conditions = excluded.conditions, conditions_migrated = excluded.conditions_migrated`,
      values,
    );
  }
}
