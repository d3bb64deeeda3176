import { createHash } from 'node:crypto';
import type { Execution } from '../../contract.ts';

/** The ARN of an execution, from its machine's. */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}

/** The name of an execution, from its ARN. */
export function executionName(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}

/** The name of the execution in which a run starts a migration in the background: the same whenever the run asks. */
export function backgroundName(
  migration: string,
  { execution_arn: run, redrive_count: redrives }: Execution,
): string {
  const short = createHash('sha256').update(`${run} ${redrives}`).digest('hex').slice(0, 8);
  // Of 80 characters a migration's name takes up to 60.
  return `${migration}-${short}`;
}

/** The execution of this name of the machine that another execution belongs to. */
export function siblingArn(execution: string, name: string): string {
  return execution.replace(/[^:]+$/, name);
}
