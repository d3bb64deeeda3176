import { backfill } from '../functions/engine/batch/backfill.ts';
import { rewrite } from '../functions/engine/batch/rewrite.ts';
import { sql } from '../functions/engine/database/sql.ts';
import { conditionGroups } from './condition-groups.ts';

const people = (table: string) =>
  backfill({
    name: table.replaceAll('_', '-'),
    table,
    key: 'id',
    where: sql`full_name IS DISTINCT FROM first_name || ' ' || last_name`,
    set: { full_name: sql`first_name || ' ' || last_name` },
  });

const documents = rewrite({
  name: 'bench-documents',
  table: 'bench_documents',
  key: 'id',
  columns: ['conditions'],
  where: sql`conditions <> '[]' AND conditions -> 0 -> 'conditions' IS NULL`,
  transform: ({ conditions }) => ({ conditions: conditionGroups.read(conditions) }),
});

/** The migrations as anybody would write them, with the engine's own defaults. */
export const migrations = [people('bench_people'), documents];
