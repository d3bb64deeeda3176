import { array, type InferInput, looseObject, never, nullish, optional, string, unknown } from 'valibot';
import { codec } from '../../functions/index.ts';

/** When something applies: "if A". Whatever else one says is kept. */
export type Condition = InferInput<typeof condition>;
const condition = looseObject({
  subject: optional(string()),
  operation: string(),
  value: optional(unknown()),
});

/** Conditions that must all hold: "(A and B)". One group of several is enough: "(A and B) or (C and D)". */
export type ConditionGroup = InferInput<typeof group>;
const group = looseObject({ conditions: array(condition) });

/** A condition of the old form, without groups: with `conditions` of its own it would be one. */
const ungrouped = looseObject({ ...condition.entries, conditions: nullish(never()) });

/** What the column `conditions` holds. An empty array is of both forms: no groups, and nothing to do. */
export const conditionGroups = codec({
  name: 'conditions',
  current: array(group),
  earlier: [{ schema: array(ungrouped), upgrade: (conditions) => [{ conditions }] }],
});

/** What is stored while old and new releases, migrated and unmigrated rows live side by side. */
export type StoredConditions = readonly Condition[] | readonly ConditionGroup[];
