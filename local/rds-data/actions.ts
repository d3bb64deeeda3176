import { batchExecute } from './actions/batch-execute.ts';
import { beginTransaction } from './actions/begin-transaction.ts';
import { commitTransaction } from './actions/commit-transaction.ts';
import { execute } from './actions/execute.ts';
import { rollbackTransaction } from './actions/rollback-transaction.ts';
import type { Action } from './context.ts';
import type { Operation } from './request.ts';

/** The operations by the last part of their path. */
export const actions: { readonly [Name in Operation]: Action<Name> } = {
  Execute: execute,
  BatchExecute: batchExecute,
  BeginTransaction: beginTransaction,
  CommitTransaction: commitTransaction,
  RollbackTransaction: rollbackTransaction,
};
