import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { describe, expect, test } from 'vitest';
import { Migrations, type MigrationsProps } from '../../infra/migrations.ts';
import type { Synthesized } from '../../infra/synthesize.ts';
import { arnFromTag } from '../../infra/tags.ts';
import { fixtures, propertiesOf, scratch, stage, synthesized } from './synthesized.ts';

function another(props: Partial<MigrationsProps> = {}): Stack {
  const stack = new Stack(new App({ outdir: scratch() }), 'another-app');
  new Migrations(stack, 'Migrations', {
    database: {
      cluster: { clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders' },
      secret: Secret.fromSecretNameV2(stack, 'Secret', 'orders'),
      databaseName: 'orders',
    },
    entry: fixtures.handler,
    ...props,
  });
  return stack;
}

test('another app migrates its own database by passing its cluster, secret, name and Lambda entry', () => {
  const template = Template.fromStack(another({ machineName: 'migrate-orders', slicesPerExecution: 50 }));
  template.hasResourceProperties('AWS::StepFunctions::StateMachine', { StateMachineName: 'migrate-orders' });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { DATABASE_NAME: 'orders', SLICES_PER_EXECUTION: '50' } },
  });
});

test('a migration that declares a follow-up job which no machine does fails at synth, listing those there are and which was meant', () => {
  const stack = new Stack(new App({ outdir: scratch() }), 'jobs');
  const arn = 'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild-orders';
  const followUps = { 'rebuild-orders': StateMachine.fromStateMachineArn(stack, 'Rebuild', arn) };
  expect(() => another({ followUps, declaredJobs: ['rebuild-orders', 'rebuild-order'] })).toThrow(
    /follow-up jobs rebuild-order,.*Deployed: rebuild-orders; did you mean rebuild-orders\? Add/,
  );
});

describe('the machine is tagged with its database', () => {
  const tagsOf = (template: Pick<Synthesized, 'template'>) =>
    Object.fromEntries(
      Object.values(
        propertiesOf<{ readonly StateMachineName: string; readonly Tags?: readonly Tag[] }>(
          template,
          'AWS::StepFunctions::StateMachine',
        ),
      ).map(({ StateMachineName, Tags = [] }) => [
        StateMachineName,
        Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value])),
      ]),
    );

  test('so that the command finds it, and without the exclamation mark that RDS gives its secrets and no tag may have', () => {
    const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!cluster-1-Ab12Cd';
    const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:orders';
    const installation = { 'data-migrations:installation': 'run-migrations' };
    const stack = synthesized({ clusterArn, secretArn, databaseName: 'orders' });
    expect(tagsOf(stack)).toEqual({
      'run-migrations': {
        'data-migrations:cluster-arn': clusterArn,
        'data-migrations:secret-arn': secretArn.replace('!', ' '),
        'data-migrations:database-name': 'orders',
        ...installation,
      },
      'rebuild-employee-projections': installation,
    });
    expect(arnFromTag(secretArn.replace('!', ' '))).toBe(secretArn);
    const roles = propertiesOf<{ readonly Tags?: readonly Tag[] }>(stack, 'AWS::IAM::Role');
    expect(new Set(Object.values(roles).flatMap(({ Tags = [] }) => Tags.map(({ Key }) => Key)))).toEqual(
      new Set(['data-migrations:installation']),
    );
  });

  test('and so is one whose secret RDS has made, which nobody can name before', () => {
    expect(tagsOf(stage('staging'))['run-migrations-staging']?.['data-migrations:secret-arn']).toEqual({
      'Fn::Join': [' ', { 'Fn::Split': ['!', { 'Fn::GetStackOutput': expect.anything() }] }],
    });
  });

  test('and a value that no tag can have fails at synth, naming it', () => {
    const secretArn = `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${'x'.repeat(200)}-abcdef`;
    const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:orders';
    expect(() => synthesized({ clusterArn, secretArn, databaseName: 'orders' })).toThrow(
      /tag data-migrations:secret-arn, and a tag has at most 256 .*x{200}-abcdef/,
    );
  });
});

interface Tag {
  readonly Key: string;
  readonly Value: unknown;
}
