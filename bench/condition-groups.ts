import { array, looseObject, never, nullish, string } from 'valibot';
import { codec } from '../functions/engine/codec.ts';

const condition = looseObject({ operation: string() });

/** Conditions in groups; earlier without, all of them one group. What a rewrite typically has to do with JSON. */
export const conditionGroups = codec({
  name: 'conditions',
  current: array(looseObject({ conditions: array(condition) })),
  earlier: [
    {
      // With `conditions` of its own it would be a group already.
      schema: array(looseObject({ ...condition.entries, conditions: nullish(never()) })),
      upgrade: (conditions) => [{ conditions }],
    },
  ],
});
