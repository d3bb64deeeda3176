import { ApiError } from '../api-error.ts';
import { callApi, inSdkCase, requireString } from './api-call.ts';
import type { Integration } from './integration.ts';

/** Answers what DescribeExecution does for an execution's ARN, or throws an ApiError. */
export type Describe = (
  executionArn: string,
  includedData: 'ALL_DATA' | 'METADATA_ONLY',
) => Readonly<Record<string, unknown>>;

/** `arn:aws:states:::aws-sdk:sfn:describeExecution` */
export function describeExecution(describe: Describe): Integration {
  return {
    name: 'aws-sdk:sfn:describeExecution',
    resourceType: 'aws-sdk:sfn',
    resource: 'describeExecution',
    arguments: { ExecutionArn: 'required', IncludedData: 'optional' },
    call: (args) =>
      callApi('Sfn', () => {
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
