import { describe } from '../describe.ts';
import type { Action } from './action.ts';
import { arnLength } from './input.ts';

export const describeExecution: Action = (account, input) =>
  describe(
    account.execution(input.requiredText('executionArn', arnLength)),
    input.oneOf('includedData', ['ALL_DATA', 'METADATA_ONLY']) ?? 'ALL_DATA',
  );
