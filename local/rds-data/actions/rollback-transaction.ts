import type { Action } from '../context.ts';

/** Rolls a transaction back. */
export const rollbackTransaction: Action<'RollbackTransaction'> = async (
  { transactionId },
  { transactions, deadline },
) => {
  await transactions.end(transactionId, 'ROLLBACK', deadline);
  return '{"transactionStatus":"Rollback Complete"}';
};
