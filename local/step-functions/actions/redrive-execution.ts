import type { Action } from './action.ts';

/** The longest client token that the API model allows, in characters. */
const maxTokenLength = 64;

/** Lets an execution go on from the state that did not succeed. */
export const redriveExecution: Action = (account, fields) => {
  const execution = account.execution(fields.arn('executionArn'));
  const token = fields.text('clientToken', maxTokenLength);
  const isRepeated = token !== undefined && token === execution.redriveToken;
  if (!isRepeated) {
    execution.redrive(token);
  }
  return { redriveDate: execution.redriveDate };
};
