import { ApiError } from '../api-error.ts';
import { maxDataBytes, maxNameLength } from '../quotas.ts';

/** The characters that StartExecution forbids in a name. */
const forbiddenInName = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}\p{Cs}]/u;

/**
 * Checks the name of an execution to start.
 *
 * @throws InvalidName when it is empty, longer than 80 characters, or has a character that AWS forbids.
 */
export function checkName(name: string): void {
  if (name.length === 0 || name.length > maxNameLength || forbiddenInName.test(name)) {
    throw new ApiError('InvalidName', `Invalid Name: '${name}'`);
  }
}

/**
 * Checks the input of an execution to start.
 *
 * @throws ValidationException over 256 KiB, and InvalidExecutionInput for what is no JSON.
 */
export function checkInput(input: string): void {
  if (Buffer.byteLength(input) > maxDataBytes) {
    const problem = `Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${maxDataBytes}`;
    throw new ApiError('ValidationException', `1 validation error detected: ${problem}`);
  }
  try {
    JSON.parse(input);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ApiError('InvalidExecutionInput', `Invalid State Machine Execution Input: '${message}'`);
  }
}
