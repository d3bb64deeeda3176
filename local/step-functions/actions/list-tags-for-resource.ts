import type { Action } from './action.ts';
import { arnLength } from './input.ts';

/** Nothing here has tags; asking is allowed. */
export const listTagsForResource: Action = (account, input) => {
  account.machine(input.requiredText('resourceArn', arnLength));
  return { tags: [] };
};
