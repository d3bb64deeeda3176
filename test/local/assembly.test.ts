import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Code, type IFunction, Function as LambdaFn, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { DefinitionBody, QueryLanguage, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { afterAll, expect, test } from 'vitest';
import { synthesize } from '../../infra/synthesize.ts';
import { readAssembly } from '../../local/assembly/assembly.ts';
import type { Template } from '../../local/assembly/template.ts';
import { startFunction } from '../../local/lambda/function.ts';
import { Account } from '../../local/step-functions/account.ts';
import { demoApplication } from '../support/demo.ts';
import { endpoint } from './step-functions/endpoint.ts';

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'assembly-'));
  folders.push(made);
  return made;
};
afterAll(() => {
  for (const each of folders) {
    rmSync(each, { recursive: true });
  }
});

/** A stack as small as they get: a machine that invokes a pinned version of a function that knows a secret. */
function synthesized(): { readonly template: Template; readonly folder: string } {
  const code = folder();
  writeFileSync(
    join(code, 'index.js'),
    'exports.handler = async (event, context) => ({ event, secret: process.env.SECRET_ARN, version: context.functionVersion });',
  );
  const outdir = folder();
  const stack = new Stack(new App({ outdir, analyticsReporting: false }), 'probe');
  const secret = new Secret(stack, 'Secret', { secretName: 'database' });
  const fn = new LambdaFn(stack, 'Fn', {
    runtime: Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: Code.fromAsset(code),
    environment: { SECRET_ARN: secret.secretArn, WHERE: `${stack.region}/${stack.account}` },
  });
  const machine = new StateMachine(stack, 'Machine', {
    stateMachineName: 'probe',
    queryLanguage: QueryLanguage.JSONATA,
    definitionBody: DefinitionBody.fromChainable(
      LambdaInvoke.jsonata(stack, 'Ask', {
        lambdaFunction: fn.currentVersion as IFunction,
        outputs: '{% $states.result.Payload %}',
      }),
    ),
  });
  new CfnOutput(stack, 'MachineArn', { value: machine.stateMachineArn });
  const assembly = (stack.node.root as App).synth();
  return { template: assembly.getStackArtifact(stack.artifactId).template as Template, folder: outdir };
}

test('a synthesized machine runs with its function, version and environment', async () => {
  const { template, folder } = synthesized();
  const { machines, functions, output } = readAssembly(template, { folder });
  const [machine] = machines;
  const running = functions.map((each) => startFunction(each));
  const sfn = await endpoint({ [machine?.name ?? '']: machine?.definition ?? '' }, { functions: running });

  expect(machine?.arn).toBe('arn:aws:states:eu-central-1:123456789012:stateMachine:probe');
  expect(output('MachineArn')).toBe(machine?.arn);
  expect((await sfn.run('probe', { a: 1 })).result).toEqual({
    event: { a: 1 },
    secret: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:database',
    version: '1',
  });
  await sfn[Symbol.asyncDispose]();
  await Promise.all(running.map((each) => each.stop()));
});

test('the real stack can be read, and its machines are such that AWS would create them', async () => {
  const outdir = folder();
  const { template } = synthesize({ outdir, application: demoApplication() });
  const { machines, functions } = readAssembly(template, { folder: outdir });
  expect(machines.map(({ name }) => name).sort()).toEqual(['rebuild-employee-projections', 'run-migrations']);
  expect(machines.find(({ name }) => name === 'run-migrations')?.tags).toContainEqual({
    key: 'data-migrations:cluster-arn',
    value: expect.stringMatching(/^arn:aws:rds:eu-central-1:123456789012:cluster:/),
  });
  const running = functions.map((each) => startFunction(each));
  new Account(1000).deploy({ machines, functions: running });
  await Promise.all(running.map((each) => each.stop()));
});

test('region, account and version are parameters', () => {
  const { template, folder } = synthesized();
  const { machines, functions } = readAssembly(template, {
    folder,
    region: 'us-east-1',
    account: '999999999999',
    version: '7',
  });
  expect(functions[0]).toMatchObject({ version: '7', environment: { WHERE: 'us-east-1/999999999999' } });
  expect(machines[0]?.definition).toMatch(/arn:aws:lambda:us-east-1:999999999999:function:\w+:7/);
});

function machineOf(DefinitionString: unknown, more: Record<string, unknown> = {}): string {
  const Resources = {
    Machine: { Type: 'AWS::StepFunctions::StateMachine', Properties: { DefinitionString } },
    ...more,
  };
  const { machines } = readAssembly({ Resources: Resources as Template['Resources'] }, { folder: '.' });
  return machines[0]?.definition ?? '';
}

test('intrinsics become text', () => {
  expect(machineOf({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':x']] })).toBe('arn:aws:x');
  const sub = (text: string) => text.replaceAll('<', '${').replaceAll('>', '}');
  expect(machineOf({ 'Fn::Sub': [sub('<AWS::Region> <Own> <!Literal> <Machine.Name>'), { Own: 'v' }] })).toBe(
    sub('eu-central-1 v <Literal> Machine'),
  );
  expect(machineOf({ 'Fn::Select': ['1', { 'Fn::Split': [':', 'a:b:c'] }] })).toBe('b');
  expect(machineOf({ 'Fn::GetAtt': 'Machine.Arn' })).toMatch(/stateMachine:Machine$/);
});

test('what cannot be resolved is an error that names who needs what', () => {
  const queue = { Queue: { Type: 'AWS::SQS::Queue' } };
  expect(() => machineOf({ Ref: 'Queue' }, queue)).toThrow(
    'Machine refers to Ref of Queue: not known here for AWS::SQS::Queue',
  );
  expect(() => machineOf({ Ref: 'Nowhere' })).toThrow('Machine refers to Nowhere');
  expect(() => machineOf({ 'Fn::ImportValue': 'x' })).toThrow(
    'Machine: the intrinsic Fn::ImportValue is not known here',
  );
  expect(() => machineOf(undefined)).toThrow('Machine: only Standard machines');
});
