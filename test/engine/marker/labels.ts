import { expect } from 'vitest';
import type { Opened, Pending, Slice } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration, RowOptions } from '../../../functions/engine/define/migration.ts';
import { caller, type LambdaProcess, type TestEngine } from '../../support/engine.ts';

export const pace = { maxRows: 15 };
export const base = { name: 'labels', table: 'items', key: 'id', marker: 'labelled', pace } as const;
export type More = Partial<RowOptions>;

/** "old 7" → "new 7"; "bad …" cannot be changed, "stubborn …" stays what it was. */
const where = sql`label LIKE 'old%' OR label LIKE 'bad%' OR label LIKE 'stubborn%'`;
const change = (label: string): string => {
  if (label.startsWith('bad')) {
    throw new RangeError(`no such label: ${label}`);
  }
  return label.replace('old', 'new');
};
/** The same change of labels in SQL and in TypeScript. */
export const kinds: Record<string, (more?: More) => Migration> = {
  backfill: (more) =>
    backfill({
      ...base,
      where,
      set: {
        label: sql`CASE WHEN label LIKE 'bad%' THEN (1 / (length(label) - length(label)))::text ELSE replace(label, 'old', 'new') END`,
      },
      ...more,
    }),
  rewrite: (more) =>
    rewrite<{ label: string }>({
      ...base,
      where,
      columns: ['label'],
      transform: ({ label }) => ({ label: change(label) }),
      ...more,
    }),
};

/** A fresh table of so many rows in the old form. */
export async function items({ database }: TestEngine, rows: number): Promise<void> {
  await database.query('DROP TABLE IF EXISTS items');
  await database.query(
    'CREATE TABLE items (id integer PRIMARY KEY, label text NOT NULL, writes integer NOT NULL DEFAULT 0) WITH (autovacuum_enabled = off)',
  );
  await database.query(`INSERT INTO items SELECT n * 10, 'old ' || n FROM generate_series(1, ${rows}) AS n`);
  await database.query('ANALYZE items'); // as autovacuum does: all that the planner knows, the marker not yet
}
/** How many rows there are of each form, with and without a mark. */
export const marks = ({ database }: TestEngine) =>
  database.query(
    `SELECT split_part(label, ' ', 1) AS form, labelled, count(*)::int AS rows FROM items GROUP BY 1, 2 ORDER BY 1, 2`,
  );
/** The marker's index: how it is defined, whether it is usable, and its identity. */
export const indexes = ({ database }: TestEngine) =>
  database.query<{ name: string; oid: number; valid: boolean; definition: string }>(`
    SELECT c.relname AS name, c.oid::int AS oid, i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL AND c.relnamespace <> 'data_migrations'::regnamespace`);
/** Whether a statement looks at the marker in the catalog. */
export const isLook = (text: string) => text.includes('pg_stat_progress_create_index');

/** Enters a migration as the machine does, up to its first slice. */
export async function begun(process: LambdaProcess, name: string) {
  const run = caller(name);
  const { migrations } = (await process.invoke({ operation: 'open', run, input: {} })) as Opened;
  const migration = migrations[0] as string;
  const { state } = (await process.invoke({ operation: 'pending', run, migration })) as Pending;
  expect(state).toBe('pending');
  return (by = process) => by.invoke({ operation: 'batches', run, migration }) as Promise<Slice>;
}
