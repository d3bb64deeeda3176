import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { expect, test } from 'vitest';
import { ProgressWidget } from '../../infra/operations/progress-widget.ts';
import { scratch } from './synthesized.ts';

function made(): Template {
  const stack = new Stack(new App({ outdir: scratch() }), 'orders');
  // docs: progress-page
  const progress = new ProgressWidget(stack, 'Progress', {
    database: {
      cluster: { clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders' },
      secret: Secret.fromSecretNameV2(stack, 'Secret', 'orders'),
      databaseName: 'orders',
    },
    registered: [{ name: 'labels', kind: 'backfill' }],
    machineName: 'migrate-orders',
  });
  new Dashboard(stack, 'Dashboard').addWidgets(progress.onDashboard());
  // docs: end
  return Template.fromStack(stack);
}

test('the progress widget goes onto a dashboard, and may read the ledger and ask for executions, nothing else', () => {
  const template = made();
  template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
    DashboardBody: { 'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('"type":"custom"')])] },
  });
  const policies = Object.values(template.findResources('AWS::IAM::Policy'));
  const actions = policies.flatMap(({ Properties }) =>
    Properties.PolicyDocument.Statement.flatMap(({ Action }: { Action: string | string[] }) => Action),
  );
  expect(new Set(actions)).toEqual(
    new Set([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'rds-data:ExecuteStatement',
      'secretsmanager:GetSecretValue',
      'states:DescribeExecution',
      'states:ListExecutions',
    ]),
  );
});
