import { dirname } from 'node:path';
import { parseArn } from '../arn.ts';
import type { FunctionSpec } from './function-spec.ts';

/**
 * The variables that Lambda itself sets ("Defined runtime environment variables" in Lambda's developer guide).
 *
 * @param version The function's version.
 * @param file The file that exports the handler.
 */
export function runtimeEnvironment(
  { arn, name, runtime, memorySize, handler }: FunctionSpec,
  version: string,
  file: string,
): Record<string, string> {
  const { region } = parseArn(arn);
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memorySize),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `local/[${version}]`,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: dirname(file),
    _HANDLER: handler,
    TZ: ':UTC',
  };
}
