import { defined } from '../describe.ts';
import { withoutData } from '../history.ts';
import type { Action } from './action.ts';
import { arnLength } from './input.ts';
import { page } from './page.ts';

export const getExecutionHistory: Action = (account, input) => {
  const { events } = account.execution(input.requiredText('executionArn', arnLength)).history;
  const ordered = input.flag('reverseOrder', false) ? events.toReversed() : events;
  const { items, nextToken } = page(ordered, ({ id }) => id, input);
  return defined({
    events: input.flag('includeExecutionData', true) ? items : items.map(withoutData),
    nextToken,
  });
};
