import { ApiError } from '../api-error.ts';

/** The ARN's end for each kind: a machine's name, or a machine's and an execution's. */
const endings = { stateMachine: '[^:]+', execution: '[^:]+:[^:]+' } as const;

/**
 * Returns an ARN that a caller has named.
 *
 * @throws InvalidArn when it is not one of this kind.
 */
export function requireArn(arn: string, kind: keyof typeof endings): string {
  const form = new RegExp(`^arn:aws[a-z-]*:states:[a-z0-9-]+:\\d{12}:${kind}:${endings[kind]}$`);
  if (!form.test(arn)) {
    throw new ApiError('InvalidArn', `Invalid Arn: 'Invalid ARN prefix: ${arn}'`);
  }
  return arn;
}

/** The ARN of a machine's execution. */
export function executionArn(machineArn: string, name: string): string {
  return `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}
