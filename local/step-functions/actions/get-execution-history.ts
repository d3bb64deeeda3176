import { withoutData } from '../execution/history.ts';
import { withoutUndefined } from '../json.ts';
import type { Action } from './action.ts';
import { pageOf } from './page.ts';

/** Lists an execution's events, the first or the latest first. */
export const getExecutionHistory: Action = (account, fields) => {
  const { events } = account.execution(fields.arn('executionArn')).history;
  const ordered = fields.boolean('reverseOrder', { absent: false }) ? events.toReversed() : events;
  const { items, nextToken } = pageOf(ordered, ({ id }) => id, fields);
  return withoutUndefined({
    events: fields.boolean('includeExecutionData', { absent: true }) ? items : items.map(withoutData),
    nextToken,
  });
};
