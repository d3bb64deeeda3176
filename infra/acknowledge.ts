import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { array, is, literal, object, string, tuple, unknown } from 'valibot';

/**
 * Says why a finding of cdk-nag is right as it is, at the construct it is about.
 *
 * @param finding The rule's name, as cdk-nag reports it: `AwsSolutions-VPC7`.
 */
export function acknowledge(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: finding, reason });
}

/**
 * Says why a permission covers more than one resource.
 *
 * @param resource The ARN with its `*`, as the policy has it; may hold tokens of the CDK.
 */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  const named = asReported(Stack.of(construct).resolve(resource));
  acknowledge(construct, `AwsSolutions-IAM5[Resource::${named}]`, reason);
}

const reference = object({ Ref: string() });
const attribute = object({ 'Fn::GetAtt': array(string()) });
const joined = object({ 'Fn::Join': tuple([literal(''), array(unknown())]) });

/** A resource as cdk-nag writes it in a finding: `arn:<AWS::Partition>:…`, `<Function.Arn>:*`. */
function asReported(resource: unknown): string {
  if (typeof resource === 'string') {
    return resource;
  }
  if (is(reference, resource)) {
    return `<${resource.Ref}>`;
  }
  if (is(attribute, resource)) {
    return `<${resource['Fn::GetAtt'].join('.')}>`;
  }
  if (is(joined, resource)) {
    return resource['Fn::Join'][1].map(asReported).join('');
  }
  return JSON.stringify(resource);
}
