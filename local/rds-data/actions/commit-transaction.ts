import type { Action } from '../context.ts';

/** Commits a transaction. */
export const commitTransaction: Action<'CommitTransaction'> = async (
  { transactionId },
  { transactions, deadline },
) => {
  await transactions.end(transactionId, 'COMMIT', deadline);
  return '{"transactionStatus":"Transaction Committed"}';
};
