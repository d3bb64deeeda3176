import type { Account } from '../account.ts';
import { ApiError } from '../api-error.ts';
import { describe } from '../describe.ts';
import { asFailure, inSdkCase, requireString } from './api.ts';
import type { Resource } from './resource.ts';

/** `arn:aws:states:::aws-sdk:sfn:describeExecution` */
export function describeExecution(account: Account): Resource {
  return {
    name: 'aws-sdk:sfn:describeExecution',
    resourceType: 'aws-sdk:sfn',
    resource: 'describeExecution',
    arguments: { ExecutionArn: 'required', IncludedData: 'optional' },
    call: (args) =>
      asFailure('Sfn', () => {
        const { IncludedData = 'ALL_DATA' } = args;
        if (IncludedData !== 'ALL_DATA' && IncludedData !== 'METADATA_ONLY') {
          throw new ApiError(
            'ValidationException',
            `IncludedData is ALL_DATA or METADATA_ONLY; got ${IncludedData}`,
          );
        }
        return inSdkCase(describe(account.execution(requireString(args, 'ExecutionArn')), IncludedData));
      }),
  };
}
