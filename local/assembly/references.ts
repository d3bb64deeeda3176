import type { Environment, Resource } from './template.ts';

/** What `Ref` gives (under `Ref`) and what `Fn::GetAtt` gives. */
export type Attributes = Readonly<Record<string, string>>;

/** Properties of the resource itself, with their intrinsics resolved. */
type Property = (name: string) => string | undefined;

/**
 * The types of resource that machines and functions refer to, and what CloudFormation answers for them. ARNs are made from
 * logical ids where CloudFormation would add something random, so that they are the same every time.
 */
const known: Readonly<Record<string, (id: string, property: Property, env: Environment) => Attributes>> = {
  'AWS::StepFunctions::StateMachine': (id, property, env) => {
    const name = property('StateMachineName') ?? id;
    const arn = arnOf('states', `stateMachine:${name}`, env);
    return { Ref: arn, Arn: arn, Name: name };
  },
  'AWS::Lambda::Function': (id, property, env) => {
    const name = property('FunctionName') ?? id;
    return { Ref: name, Arn: arnOf('lambda', `function:${name}`, env) };
  },
  'AWS::Lambda::Version': (_, property, env) => {
    const name = property('FunctionName') ?? '';
    const arn = name.startsWith('arn:') ? name : arnOf('lambda', `function:${name}`, env);
    return { Ref: `${arn}:${env.version}`, FunctionArn: `${arn}:${env.version}`, Version: env.version };
  },
  'AWS::RDS::DBCluster': (id, property, env) => {
    const name = property('DBClusterIdentifier') ?? id.toLowerCase();
    return {
      Ref: name,
      DBClusterArn: arnOf('rds', `cluster:${name}`, env),
      'MasterUserSecret.SecretArn': arnOf('secretsmanager', `secret:rds!${name}`, env),
    };
  },
  'AWS::SecretsManager::Secret': (id, property, env) => {
    const arn = arnOf('secretsmanager', `secret:${property('Name') ?? id}`, env);
    return { Ref: arn, Id: arn };
  },
  'AWS::SecretsManager::SecretTargetAttachment': (_, property) => ({ Ref: property('SecretId') ?? '' }),
  'AWS::IAM::Role': (id, property, env) => {
    const name = property('RoleName') ?? id;
    return { Ref: name, Arn: `arn:aws:iam::${env.account}:role/${name}` };
  },
  'AWS::Logs::LogGroup': (id, property, env) => {
    const name = property('LogGroupName') ?? id;
    return { Ref: name, Arn: arnOf('logs', `log-group:${name}:*`, env) };
  },
};

/** What can be referred to of a resource; `undefined` for types that nothing here needs. */
export function attributesOf(
  id: string,
  { Type }: Resource,
  property: Property,
  env: Environment,
): Attributes | undefined {
  return Object.hasOwn(known, Type) ? known[Type]?.(id, property, env) : undefined;
}

function arnOf(service: string, rest: string, { region, account }: Environment): string {
  return `arn:aws:${service}:${region}:${account}:${rest}`;
}
