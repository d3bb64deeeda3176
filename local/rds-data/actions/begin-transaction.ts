import * as v from 'valibot';
import { action } from './action.ts';
import { targetDatabase } from './request.ts';

/** Begins a transaction, which later calls name by its id. */
export const beginTransaction = action(
  v.object(targetDatabase),
  async ({ database }, { transactions, deadline }) =>
    JSON.stringify({ transactionId: await transactions.begin(database, deadline) }),
);
