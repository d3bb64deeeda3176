import type { Action } from './action.ts';
import { batchExecute } from './batch-execute.ts';
import { beginTransaction } from './begin-transaction.ts';
import { commitTransaction } from './commit-transaction.ts';
import { execute } from './execute.ts';
import { rollbackTransaction } from './rollback-transaction.ts';

/** The operations by their paths: `POST /Execute` and so on. */
export const actions: Readonly<Record<string, Action>> = {
  Execute: execute,
  BatchExecute: batchExecute,
  BeginTransaction: beginTransaction,
  CommitTransaction: commitTransaction,
  RollbackTransaction: rollbackTransaction,
};
