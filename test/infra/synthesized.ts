import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CloudFormationStackArtifact } from 'aws-cdk-lib/cx-api';
import { afterAll } from 'vitest';
import type { Application } from '../../infra/application.ts';
import { type Resource, type Synthesized, synthesize } from '../../infra/synthesize.ts';
import { demoApplication } from '../support/demo.ts';

const handler = fileURLToPath(new URL('fixtures/handler.ts', import.meta.url));
/** The demo with handlers that are bundled in no time. */
export const fixtures: Application = demoApplication({ migrate: handler, rebuild: handler });

const folder = mkdtempSync(join(tmpdir(), 'infra-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let assemblies = 0;

/** A folder for one more assembly, gone when the tests of the file are. */
export function scratch(): string {
  assemblies += 1;
  return join(folder, String(assemblies));
}

/** Leaves the functions' code as it is: a template says the same without, in a tenth of the time. */
export const unbundled = { 'aws:cdk:bundling-stacks': [] } as const;

/** The stacks of a stage with a database of its own. */
export function stage(name: string, context: Readonly<Record<string, string>> = {}): Synthesized {
  return synthesized({ createDatabase: 'true', stage: name, ...context });
}

/** The stack that has the database. */
export function databaseStackOf({ assembly }: Synthesized): CloudFormationStackArtifact {
  return assembly.getStackByName(
    assembly.stacks.find(({ stackName }) => stackName.endsWith('-database'))?.stackName ?? '',
  );
}

export function synthesized(context: Readonly<Record<string, string>> = {}): Synthesized {
  return synthesize({ outdir: scratch(), application: fixtures, context: { ...unbundled, ...context } });
}

/** The Lambdas that work on the database, by logical id: not those that look at the machines from outside. */
export function databaseFunctions(from: Pick<Synthesized, 'template'>): Record<string, FunctionProperties> {
  const all = Object.entries(propertiesOf<FunctionProperties>(from, 'AWS::Lambda::Function'));
  return Object.fromEntries(all.filter(([id]) => !id.startsWith('Operations')));
}

/** The resources of one type, by logical id. */
export function resourcesOf(
  { template }: Pick<Synthesized, 'template'>,
  type: string,
): Record<string, Resource> {
  return Object.fromEntries(
    Object.entries(template.Resources).filter(([, resource]) => resource.Type === type),
  );
}

/** Their properties, by logical id. */
export function propertiesOf<Properties>(
  from: Pick<Synthesized, 'template'>,
  type: string,
): Record<string, Properties> {
  return Object.fromEntries(
    Object.entries(resourcesOf(from, type)).map(([id, resource]) => [id, resource.Properties as Properties]),
  );
}

/** The properties of a Lambda that tests look at. */
export interface FunctionProperties {
  readonly Architectures: readonly string[];
  readonly Runtime: string;
  readonly Timeout: number;
  readonly LoggingConfig: { readonly LogGroup: { readonly Ref: string } };
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
}

const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-central-1',
  'AWS::AccountId': '123456789012',
};

/** A value of the template with its intrinsic functions spelled out: `<Function.Arn>:*`. */
export function spelled(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  const [[name, argument]] = Object.entries(value as Record<string, unknown>) as [[string, unknown]];
  if (name === 'Ref') {
    return pseudoParameters[String(argument)] ?? `<${argument}>`;
  }
  if (name === 'Fn::GetAtt') {
    return `<${(argument as string[]).join('.')}>`;
  }
  if (name === 'Fn::GetStackOutput') {
    const { StackName, OutputName } = argument as { StackName: string; OutputName: string };
    return `<${StackName}.${OutputName}>`;
  }
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(spelled).join(separator);
  }
  return JSON.stringify(value);
}

/** A Retrier or a Catcher. */
export interface Rule {
  readonly ErrorEquals: readonly string[];
  readonly Next?: string;
  readonly MaxAttempts?: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
}

export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Error?: string;
  readonly Resource?: string;
  readonly TimeoutSeconds?: number;
  readonly Arguments?: Readonly<Record<string, unknown>>;
  readonly Retry?: readonly Rule[];
  readonly Catch?: readonly Rule[];
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[];
  readonly ItemProcessor?: Definition;
  readonly [field: string]: unknown;
}

export interface Definition {
  readonly StartAt: string;
  readonly QueryLanguage?: string;
  readonly States: Readonly<Record<string, State>>;
}

/** The properties of a state machine that tests look at. */
export interface MachineProperties {
  readonly StateMachineName: string;
  readonly DefinitionString: unknown;
}

/** The definition of the machine with a name. */
export function definitionOf(from: Pick<Synthesized, 'template'>, machineName: string): Definition {
  const machines = Object.values(propertiesOf<MachineProperties>(from, 'AWS::StepFunctions::StateMachine'));
  const found = machines.find(({ StateMachineName }) => StateMachineName === machineName);
  return JSON.parse(spelled(found?.DefinitionString));
}

/** All states by name, those inside a Map too. */
export function statesOf({ States }: Definition): Record<string, State> {
  const inner = Object.values(States).map(({ ItemProcessor }) =>
    ItemProcessor ? statesOf(ItemProcessor) : {},
  );
  return Object.assign({}, States, ...inner);
}
