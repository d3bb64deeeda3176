import { join } from 'node:path';
import type { AlarmSpec } from '../cloudwatch/alarm.ts';
import type { FunctionSpec } from '../lambda/function-spec.ts';
import type { MachineSpec } from '../step-functions/account.ts';
import { readAlarm } from './alarms.ts';
import { readFunction } from './functions.ts';
import { intrinsics, textOf } from './intrinsics.ts';
import { readMachine } from './machines.ts';
import type { Environment, Resource, Template } from './template.ts';

/** Region, account and version are optional: eu-central-1, 123456789012 and 1 by default. */
export interface AssemblyOptions extends Partial<Environment> {
  /** Folder of the cloud assembly, which has the functions' bundles. */
  readonly folder: string;
}

/** The parts of a synthesized stack that run on this machine. */
export interface Assembly {
  readonly machines: readonly (MachineSpec & { readonly logicalId: string })[];
  readonly functions: readonly (Omit<FunctionSpec, 'log'> & { readonly logicalId: string })[];
  readonly alarms: readonly AlarmSpec[];
  /**
   * A value of the stack's `Outputs`.
   *
   * @throws when the stack has no output of this name, or its value is no text.
   */
  output(name: string): string;
}

/**
 * Reads state machines and functions out of a template, as CloudFormation would create them.
 *
 * @throws for what it cannot read or resolve: Express machines, functions that are not Node's, unknown intrinsics,
 *   references to resources that it does not know. The message names the logical id.
 */
export function readAssembly(template: Template, options: AssemblyOptions): Assembly {
  const { folder, region = 'eu-central-1', account = '123456789012', version = '1' } = options;
  const resolve = intrinsics(template, { region, account, version });
  const published = new Set(
    ofType(template, 'AWS::Lambda::Version').map(([id, { Properties }]) =>
      resolve(Properties?.FunctionName, id),
    ),
  );

  return {
    machines: ofType(template, 'AWS::StepFunctions::StateMachine').map(([id, resource]) =>
      readMachine(id, resource, resolve),
    ),
    functions: ofType(template, 'AWS::Lambda::Function').map(([id, resource]) => {
      const { code, ...spec } = readFunction(id, resource, resolve);
      return { ...spec, code: join(folder, code), ...(published.has(spec.name) && { version }) };
    }),
    alarms: ofType(template, 'AWS::CloudWatch::Alarm').map(([id, resource]) =>
      readAlarm(id, resource, resolve),
    ),
    output: (name) => {
      const output = template.Outputs?.[name];
      if (output === undefined) {
        throw new Error(`The stack has no output ${name}: ${Object.keys(template.Outputs ?? {}).join(', ')}`);
      }
      return textOf(resolve, output.Value, `Output ${name}`);
    },
  };
}

/** The resources of one type, each with its logical id. */
function ofType(template: Template, type: string): readonly (readonly [string, Resource])[] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}
