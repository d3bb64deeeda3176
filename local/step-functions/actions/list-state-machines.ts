import { defined } from '../describe.ts';
import type { Action } from './action.ts';
import { page } from './page.ts';

export const listStateMachines: Action = (account, input) => {
  const { items, nextToken } = page(account.machines, ({ name }) => name, input);
  return defined({
    stateMachines: items.map(({ name, arn, creationDate }) => ({
      stateMachineArn: arn,
      name,
      type: 'STANDARD',
      creationDate,
    })),
    nextToken,
  });
};
