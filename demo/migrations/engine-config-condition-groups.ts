import { rewrite, sql } from '../../functions/index.ts';
import { conditionGroups, type StoredConditions } from '../application/condition-groups.ts';

/** Turns each list of conditions into groups of conditions: "A and B" becomes "(A and B) or …". */
export const engineConfigConditionGroups = rewrite<{ conditions: StoredConditions }>({
  name: 'engine-config-condition-groups',
  table: 'engine_configs',
  key: 'id',
  columns: ['conditions'],
  // As the codec tells them apart: the first element says which form it is, and an empty array is of both.
  where: sql`conditions <> '[]' AND jsonb_typeof(conditions -> 0 -> 'conditions') IS DISTINCT FROM 'array'`,
  // No index knows a config's form: without the marker, asking what is left would read them all.
  marker: 'conditions_migrated',
  transform: ({ conditions }) => ({ conditions: conditionGroups.read(conditions) }),
});
