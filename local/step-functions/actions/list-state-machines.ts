import { withoutUndefined } from '../json.ts';
import type { Action } from './action.ts';
import { pageOf } from './page.ts';

/** Lists the account's machines. */
export const listStateMachines: Action = (account, fields) => {
  const { items, nextToken } = pageOf(account.machines, ({ name }) => name, fields);
  return withoutUndefined({
    stateMachines: items.map(({ name, arn, creationDate }) => ({
      stateMachineArn: arn,
      name,
      type: 'STANDARD',
      creationDate,
    })),
    nextToken,
  });
};
