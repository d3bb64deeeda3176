import type { Action } from '../context.ts';

/** Begins a transaction, which later calls name by its id. */
export const beginTransaction: Action<'BeginTransaction'> = async (
  { database },
  { transactions, deadline },
) => JSON.stringify({ transactionId: await transactions.begin(database, deadline) });
