import { dirname } from 'node:path';
import type { FunctionSpec } from './function-spec.ts';

/** The variables that Lambda itself sets. */
export function runtimeEnvironment(
  spec: FunctionSpec,
  version: string,
  file: string,
): Record<string, string> {
  const [, , , region = ''] = spec.arn.split(':');
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${spec.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memorySize),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `local/[${version}]`,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: dirname(file),
    _HANDLER: spec.handler,
    TZ: ':UTC',
  };
}
