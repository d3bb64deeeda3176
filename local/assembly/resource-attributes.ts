import type { Environment } from './template.ts';

/** What `Ref` gives for a resource, under `Ref`, and what `Fn::GetAtt` gives, under the attribute's name. */
export type Attributes = Readonly<Record<string, string>>;

/** A resource and the account that it is in. */
export interface Reference {
  /** The logical id. */
  readonly id: string;
  /** A property of the resource itself, with its intrinsics resolved. */
  readonly property: (name: string) => string | undefined;
  readonly environment: Environment;
}

/**
 * The types of resource that machines and functions refer to, and what CloudFormation answers for them. Where
 * CloudFormation would make up a name with random letters, the logical id is the name, so that ARNs are the same
 * every time.
 */
const types: Readonly<Record<string, (reference: Reference) => Attributes>> = {
  'AWS::StepFunctions::StateMachine': ({ id, property, environment }) => {
    const name = property('StateMachineName') ?? id;
    const arn = arnOf('states', `stateMachine:${name}`, environment);
    return { Ref: arn, Arn: arn, Name: name };
  },
  'AWS::Lambda::Function': ({ id, property, environment }) => {
    const name = property('FunctionName') ?? id;
    return { Ref: name, Arn: arnOf('lambda', `function:${name}`, environment) };
  },
  'AWS::Lambda::Version': ({ property, environment }) => {
    const name = property('FunctionName') ?? '';
    const functionArn = name.startsWith('arn:') ? name : arnOf('lambda', `function:${name}`, environment);
    const arn = `${functionArn}:${environment.version}`;
    return { Ref: arn, FunctionArn: arn, Version: environment.version };
  },
  'AWS::RDS::DBCluster': ({ id, property, environment }) => {
    const name = property('DBClusterIdentifier') ?? id.toLowerCase();
    return {
      Ref: name,
      DBClusterArn: arnOf('rds', `cluster:${name}`, environment),
      'MasterUserSecret.SecretArn': arnOf('secretsmanager', `secret:rds!${name}`, environment),
    };
  },
  'AWS::SecretsManager::Secret': ({ id, property, environment }) => {
    const arn = arnOf('secretsmanager', `secret:${property('Name') ?? id}`, environment);
    return { Ref: arn, Id: arn };
  },
  'AWS::SecretsManager::SecretTargetAttachment': ({ property }) => ({ Ref: property('SecretId') ?? '' }),
  'AWS::SNS::Topic': ({ id, property, environment }) => {
    const name = property('TopicName') ?? id;
    return { Ref: arnOf('sns', name, environment), TopicName: name };
  },
  'AWS::IAM::Role': ({ id, property, environment }) => {
    const name = property('RoleName') ?? id;
    return { Ref: name, Arn: `arn:aws:iam::${environment.account}:role/${name}` };
  },
  'AWS::Logs::LogGroup': ({ id, property, environment }) => {
    const name = property('LogGroupName') ?? id;
    return { Ref: name, Arn: arnOf('logs', `log-group:${name}:*`, environment) };
  },
};

/**
 * What can be referred to of a resource.
 *
 * @param type The resource's type, such as `AWS::Lambda::Function`.
 * @returns undefined for a type that no machine or function here refers to.
 */
export function attributesOf(type: string, reference: Reference): Attributes | undefined {
  return Object.hasOwn(types, type) ? types[type]?.(reference) : undefined;
}

function arnOf(service: string, resource: string, { region, account }: Environment): string {
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}
