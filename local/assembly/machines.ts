import * as v from 'valibot';
import type { MachineSpec } from '../step-functions/account.ts';
import { type Resolve, textOf } from './intrinsics.ts';
import { propertiesOf } from './properties.ts';
import type { Resource } from './template.ts';

const machineProperties = v.object({
  StateMachineType: v.optional(v.unknown(), 'STANDARD'),
  DefinitionString: v.optional(v.unknown()),
  DefinitionSubstitutions: v.optional(v.unknown()),
  RoleArn: v.optional(v.unknown()),
  Tags: v.optional(v.array(v.object({ Key: v.string(), Value: v.unknown() })), []),
});

/** Reads an `AWS::StepFunctions::StateMachine`. */
export function readMachine(
  id: string,
  resource: Resource,
  resolve: Resolve,
): MachineSpec & { readonly logicalId: string } {
  const properties = propertiesOf(id, resource, machineProperties);
  const { StateMachineType, DefinitionString, DefinitionSubstitutions, RoleArn, Tags } = properties;
  if (
    StateMachineType !== 'STANDARD' ||
    DefinitionString === undefined ||
    DefinitionSubstitutions !== undefined
  ) {
    throw new Error(`${id}: only Standard machines with a DefinitionString and no substitutions run here`);
  }
  return {
    logicalId: id,
    name: textOf(resolve, { 'Fn::GetAtt': [id, 'Name'] }, id),
    arn: textOf(resolve, { Ref: id }, id),
    definition: textOf(resolve, DefinitionString, id),
    ...(RoleArn !== undefined && { roleArn: textOf(resolve, RoleArn, id) }),
    tags: Tags.map(({ Key, Value }) => ({
      key: Key,
      value: textOf(resolve, Value, `Tag ${Key} of ${id}`),
    })),
  };
}
