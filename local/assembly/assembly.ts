import { join } from 'node:path';
import type { FunctionSpec } from '../lambda/function-spec.ts';
import type { MachineSpec } from '../step-functions/account.ts';
import { type Resolve, resolver } from './resolve.ts';
import type { Environment, Resource, Template } from './template.ts';

export interface AssemblyOptions extends Partial<Environment> {
  /** Folder of the cloud assembly, which holds the bundles. */
  readonly folder: string;
}

/** The parts of a synthesized stack that run locally. */
export interface Assembly {
  readonly machines: readonly (MachineSpec & { readonly logicalId: string })[];
  readonly functions: readonly (Omit<FunctionSpec, 'log'> & { readonly logicalId: string })[];
  /** A value of the stack's `Outputs`. */
  output(name: string): string;
}

/**
 * Reads machines and functions out of a template, as CloudFormation would create them. What it cannot resolve is an error
 * that names the logical id.
 */
export function readAssembly(template: Template, options: AssemblyOptions): Assembly {
  const { folder, region = 'eu-central-1', account = '123456789012', version = '1' } = options;
  const resolve = resolver(template, { region, account, version });
  const ofType = (type: string) =>
    Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
  const versioned = new Set(
    ofType('AWS::Lambda::Version').map(([id, { Properties }]) => resolve(Properties?.FunctionName, id)),
  );

  return {
    machines: ofType('AWS::StepFunctions::StateMachine').map(([id, resource]) =>
      machine(id, resource, resolve),
    ),
    functions: ofType('AWS::Lambda::Function').map(([id, resource]) => {
      const name = text({ Ref: id }, id, resolve);
      return {
        logicalId: id,
        name,
        ...(versioned.has(name) && { version }),
        ...lambda(id, resource, resolve, folder),
      };
    }),
    output: (name) => {
      const output = template.Outputs?.[name];
      if (output === undefined) {
        throw new Error(`The stack has no output ${name}: ${Object.keys(template.Outputs ?? {}).join(', ')}`);
      }
      return text(output.Value, `Output ${name}`, resolve);
    },
  };
}

function machine(id: string, { Properties = {} }: Resource, resolve: Resolve): Assembly['machines'][number] {
  const {
    StateMachineType = 'STANDARD',
    DefinitionString,
    DefinitionSubstitutions,
    RoleArn,
    Tags = [],
  } = Properties;
  if (
    StateMachineType !== 'STANDARD' ||
    DefinitionString === undefined ||
    DefinitionSubstitutions !== undefined
  ) {
    throw new Error(`${id}: only Standard machines with a DefinitionString and no substitutions run here`);
  }
  return {
    logicalId: id,
    name: text({ 'Fn::GetAtt': [id, 'Name'] }, id, resolve),
    arn: text({ Ref: id }, id, resolve),
    definition: text(DefinitionString, id, resolve),
    ...(RoleArn !== undefined && { roleArn: text(RoleArn, id, resolve) }),
    tags: (Tags as readonly { readonly Key: string; readonly Value: unknown }[]).map(({ Key, Value }) => ({
      key: Key,
      value: text(Value, `Tag ${Key} of ${id}`, resolve),
    })),
  };
}

function lambda(id: string, { Properties = {}, Metadata = {} }: Resource, resolve: Resolve, folder: string) {
  const { Environment, Handler, MemorySize = 128, Runtime, Timeout = 3 } = Properties;
  const runtime = text(Runtime, `Runtime of ${id}`, resolve);
  if (!runtime.startsWith('nodejs')) {
    throw new Error(`${id}: only Node functions run here, got ${runtime}`);
  }
  const variables =
    (Environment as { readonly Variables?: Readonly<Record<string, unknown>> })?.Variables ?? {};
  return {
    arn: text({ 'Fn::GetAtt': [id, 'Arn'] }, id, resolve),
    code: join(folder, bundle(id, Properties, Metadata)),
    handler: text(Handler, `Handler of ${id}`, resolve),
    runtime,
    timeoutSeconds: Number(Timeout),
    memorySize: Number(MemorySize),
    environment: Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, text(value, `${name} of ${id}`, resolve)]),
    ),
  };
}

/** The folder of the bundle: from the metadata that the CDK command line asks for, or else by the hash that names both. */
function bundle(
  id: string,
  { Code }: Record<string, unknown>,
  metadata: Readonly<Record<string, unknown>>,
): string {
  const path = metadata['aws:asset:path'];
  if (typeof path === 'string') {
    return path;
  }
  const { S3Key } = (Code ?? {}) as { readonly S3Key?: unknown };
  const [, hash] = /^([0-9a-f]{64})\.zip$/.exec(String(S3Key)) ?? [];
  if (hash === undefined) {
    throw new Error(`${id}: its code is no asset of this assembly`);
  }
  return `asset.${hash}`;
}

function text(value: unknown, where: string, resolve: Resolve): string {
  const resolved = resolve(value, where);
  if (typeof resolved !== 'string') {
    throw new Error(`${where} should be text, got ${JSON.stringify(resolved)}`);
  }
  return resolved;
}
