import type { Tag } from '../account/tags.ts';
import type { Machine } from '../definition/machine.ts';

/** A state machine as it was deployed. Its executions keep it, whatever is deployed later. */
export interface StateMachine {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** The definition's text as it was given, for DescribeStateMachine. */
  readonly definition: string;
  /** The definition to run. */
  readonly compiled: Machine;
  readonly creationDate: Date;
  readonly tags: readonly Tag[];
}
