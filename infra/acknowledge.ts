import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Says why one finding of cdk-nag is right as it is, at the construct it is about. */
export function acknowledge(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: finding, reason });
}

/** Says why a permission ends in `*`. */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  const named = spelled(Stack.of(construct).resolve(resource));
  acknowledge(construct, `AwsSolutions-IAM5[Resource::${named}]`, reason);
}

/** A resource as cdk-nag spells it in a finding: `arn:<AWS::Partition>:…`, `<Function.Arn>:*`. */
function spelled(resource: unknown): string {
  if (typeof resource === 'string') {
    return resource;
  }
  const [[intrinsic, argument] = []] = Object.entries(resource as Record<string, unknown>);
  switch (intrinsic) {
    case 'Ref':
      return `<${argument}>`;
    case 'Fn::GetAtt':
      return `<${(argument as readonly string[]).join('.')}>`;
    case 'Fn::Join':
      return (argument as readonly ['', readonly unknown[]])[1].map(spelled).join('');
    default:
      return JSON.stringify(resource);
  }
}
