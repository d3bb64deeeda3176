import { ApiError } from '../api-error.ts';
import type { Action } from './action.ts';
import { arnLength } from './input.ts';

export const listTagsForResource: Action = (account, input) => {
  const arn = input.requiredText('resourceArn', arnLength);
  try {
    return { tags: account.machine(arn).tags };
  } catch (error) {
    // This action has a name of its own for what is not there.
    if (!(error instanceof ApiError) || error.code !== 'StateMachineDoesNotExist') {
      throw error;
    }
    throw new ApiError('ResourceNotFound', `Resource not found: '${arn}'`);
  }
};
