import { ApiError } from '../api-error.ts';
import type { Action } from './action.ts';

/** Lists the tags of a machine. */
export const listTagsForResource: Action = (account, fields) => {
  const arn = fields.arn('resourceArn');
  try {
    return { tags: account.machine(arn).tags };
  } catch (error) {
    // For a machine that does not exist, this action has an error name of its own.
    if (error instanceof ApiError && error.code === 'StateMachineDoesNotExist') {
      throw new ApiError('ResourceNotFound', `Resource not found: '${arn}'`);
    }
    throw error;
  }
};
