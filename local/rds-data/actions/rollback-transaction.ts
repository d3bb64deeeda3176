import * as v from 'valibot';
import { action } from './action.ts';
import { target, transactionId } from './request.ts';

/** Rolls a transaction back. */
export const rollbackTransaction = action(
  v.object({ ...target, transactionId }),
  async (request, { transactions, deadline }) => {
    await transactions.end(request.transactionId, 'ROLLBACK', deadline);
    return '{"transactionStatus":"Rollback Complete"}';
  },
);
