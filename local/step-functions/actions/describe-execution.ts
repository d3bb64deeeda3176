import { executionDescription } from '../execution/description.ts';
import type { Action } from './action.ts';

/** Describes an execution, with its input and output unless they are not wanted. */
export const describeExecution: Action = (account, fields) =>
  executionDescription(
    account.execution(fields.arn('executionArn')),
    fields.oneOf('includedData', ['ALL_DATA', 'METADATA_ONLY']) ?? 'ALL_DATA',
  );
