import { readConditionGroups, type StoredConditions } from '../application/condition-groups.ts';
import { rewrite } from '../engine/rewrite.ts';
import { sql } from '../engine/sql.ts';

/** Turns each list of conditions into groups of conditions: "A and B" becomes "(A and B) or …". */
export const engineConfigConditionGroups = rewrite<{ conditions: StoredConditions }>({
  name: 'engine-config-condition-groups',
  table: 'engine_configs',
  key: 'id',
  columns: ['conditions'],
  // An empty array is both forms: nothing to do.
  where: sql`conditions <> '[]' AND conditions -> 0 -> 'conditions' IS NULL`,
  transform: ({ conditions }) => ({ conditions: readConditionGroups(conditions) }),
});
