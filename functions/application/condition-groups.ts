/** When something applies: "if (A and B) or (C and D)". */
export interface Condition {
  readonly subject: string;
  readonly operation: string;
  readonly value: string;
}

/** Conditions that must all hold. One group of several is enough. */
export interface ConditionGroup {
  readonly conditions: readonly Condition[];
}

/** What the column `conditions` holds while old and new releases, migrated and unmigrated rows live side by side. */
export type StoredConditions = readonly Condition[] | readonly ConditionGroup[];

/**
 * Reads conditions of either form. An old list becomes one group; an empty array is both forms and means no condition.
 * Throws a TypeError that names the place for anything else.
 */
export function readConditionGroups(stored: unknown): readonly ConditionGroup[] {
  if (!Array.isArray(stored)) throw new TypeError(`conditions: expected an array, got ${kindOf(stored)}`);
  if (stored.length === 0) return [];
  if (isGroup(stored[0])) {
    return stored.map((group, i) => {
      if (!isGroup(group))
        throw new TypeError(`conditions[${i}]: expected a group like the first, got ${kindOf(group)}`);
      return {
        conditions: group.conditions.map((each, k) => condition(each, `conditions[${i}].conditions[${k}]`)),
      };
    });
  }
  return [{ conditions: stored.map((each, i) => condition(each, `conditions[${i}]`)) }];
}

function isGroup(value: unknown): value is { conditions: unknown[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    Array.isArray((value as { conditions?: unknown }).conditions)
  );
}

function condition(value: unknown, place: string): Condition {
  const operation = (value as { operation?: unknown } | null)?.operation;
  if (typeof operation === 'string') return value as Condition; // with whatever else it says: nothing is dropped
  throw new TypeError(`${place}: expected a condition with an operation, got ${kindOf(value)}`);
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : `${typeof value} ${JSON.stringify(value)?.slice(0, 60)}`;
