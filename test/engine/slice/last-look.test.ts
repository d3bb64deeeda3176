import { expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { startEngine } from '../../support/engine.ts';

const rows = 1_000;
const people = backfill({
  name: 'people',
  table: 'people',
  key: 'id',
  where: sql`full_name IS NULL`,
  set: { full_name: sql`'somebody'` },
});

// The planner's units, as those of a table that is so large: ten million rows of 100 bytes, each with a dead version, are 700,000.
it.each([
  { cost: 700_000, walks: 1, what: 'by one look' },
  { cost: 4_000_000, walks: 2, what: 'by another walk, where a look would take too long' },
])('Whether rows came in behind the cursor is found out $what', async ({ cost, walks }) => {
  const engine = await startEngine();
  try {
    const { query, name } = engine.database;
    await query(
      `CREATE TABLE people (id integer PRIMARY KEY, full_name text, filling text DEFAULT repeat('x', 100))`,
    );
    await query(`INSERT INTO people SELECT n FROM generate_series(1, ${rows}) AS n`);
    // Twice as many pages after the batches, with the versions from before.
    const [{ pages } = { pages: 0 }] = await query<{ pages: number }>(
      `SELECT (pg_relation_size('people') / 8192)::int AS pages`,
    );
    for (const setting of ['seq_page_cost', 'random_page_cost']) {
      await query(`ALTER DATABASE ${name} SET ${setting} = ${cost / (2 * pages)}`);
    }
    const result = await engine.run([people]);
    expect(result.people).toMatchObject({ total_processed: rows, total_updated: rows });
    const [line] = await engine.ledger<{ pass: number }>('migrations');
    expect(line?.pass).toBe(walks);
  } finally {
    await engine.stop();
  }
});
