import { ApiError } from '../api-error.ts';
import { asFailure, inSdkCase, requireString } from './api.ts';
import type { Resource } from './resource.ts';

/** What DescribeExecution answers for an execution's ARN; throws an ApiError where there is none. */
type Describe = (executionArn: string, includedData: 'ALL_DATA' | 'METADATA_ONLY') => unknown;

/** `arn:aws:states:::aws-sdk:sfn:describeExecution` */
export function describeExecution(describe: Describe): Resource {
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
        return inSdkCase(describe(requireString(args, 'ExecutionArn'), IncludedData));
      }),
  };
}
