import type pg from 'pg';
import type { DoneBatch } from './draw/pace.ts';
import type { Done } from './draw/series.ts';

/** What a trigger on the ledger has noted of each batch. */
export interface BatchLog {
  /** In their order. */
  readonly batches: readonly DoneBatch[];
  /** How many rows were done when, from the moment on that it was put there. */
  readonly curve: readonly Done[];
}

/**
 * Notes each batch of a migration while `work` goes on, by a trigger on its line of the ledger: the database's own clock says when a
 * statement began and when it was through. It costs a batch some hundredths of a millisecond.
 */
export async function notingBatches(
  client: pg.Client,
  migration: string,
  work: () => Promise<unknown>,
): Promise<BatchLog> {
  await client.query(`
    CREATE UNLOGGED TABLE batch_log AS SELECT clock_timestamp() AS ended, 0::float8 AS seconds, 0::bigint AS rows;
    CREATE FUNCTION note_batch() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO batch_log VALUES (clock_timestamp(),
          extract(epoch FROM clock_timestamp() - statement_timestamp()), NEW.total_processed - OLD.total_processed);
        RETURN NULL;
      END $$;
    CREATE TRIGGER note_batch AFTER UPDATE ON data_migrations.migrations FOR EACH ROW
      WHEN (NEW.name = '${migration}' AND NEW.total_processed > OLD.total_processed) EXECUTE FUNCTION note_batch()`);
  try {
    await work();
    const { rows } = await client.query<{ at: number; seconds: number; rows: number; done: number }>(`
      SELECT extract(epoch FROM ended - min(ended) OVER ())::float8 AS at, seconds, rows::float8 AS rows,
        (sum(rows) OVER (ORDER BY ended))::float8 AS done
      FROM batch_log ORDER BY ended`);
    return {
      batches: rows.slice(1).map(({ rows: size, seconds }) => ({ rows: size, seconds })),
      curve: rows.map(({ at, done }) => ({ rows: done, seconds: at })),
    };
  } finally {
    await client.query('DROP FUNCTION note_batch CASCADE; DROP TABLE batch_log');
  }
}
