import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { expect, test } from 'vitest';
import { Migrations, type MigrationsProps } from '../../infra/migrations.ts';
import { fixtures, scratch } from './synthesized.ts';

function another(props: Partial<MigrationsProps> = {}): Stack {
  const stack = new Stack(new App({ outdir: scratch() }), 'another-app');
  new Migrations(stack, 'Migrations', {
    database: {
      cluster: { clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders' },
      secret: Secret.fromSecretNameV2(stack, 'Secret', 'orders'),
      databaseName: 'orders',
    },
    entry: fixtures.migrate,
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

test('a migration that declares a follow-up job which no machine does fails at synth, listing those there are', () => {
  const stack = new Stack(new App({ outdir: scratch() }), 'jobs');
  const arn = 'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild-orders';
  const followUps = { 'rebuild-orders': StateMachine.fromStateMachineArn(stack, 'Rebuild', arn) };
  expect(() => another({ followUps, declaredJobs: ['rebuild-orders', 'rebuild-order'] })).toThrow(
    /follow-up jobs rebuild-order,.*Deployed: rebuild-orders\./,
  );
});
