import * as v from 'valibot';
import { action } from './action.ts';
import { target, transactionId } from './request.ts';

/** Commits a transaction. */
export const commitTransaction = action(
  v.object({ ...target, transactionId }),
  async (request, { transactions, deadline }) => {
    await transactions.end(request.transactionId, 'COMMIT', deadline);
    return '{"transactionStatus":"Transaction Committed"}';
  },
);
