import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Says why one finding of cdk-nag is right as it is, at the construct it is about. */
export function acknowledge(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: finding, reason });
}
