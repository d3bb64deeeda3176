import { expect, test } from 'vitest';
import { propertiesOf, resourcesOf, spelled, synthesized } from '../synthesized.ts';

const made = synthesized({ tell: 'ops@example.org, arn:aws:sqs:eu-central-1:123456789012:deployments' });

interface Alarm {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly unknown[];
  readonly OKActions: readonly unknown[];
  readonly Threshold: number;
}
const alarmsOf = (from: typeof made) => Object.values(propertiesOf<Alarm>(from, 'AWS::CloudWatch::Alarm'));

interface Policy {
  readonly PolicyDocument: {
    readonly Statement: readonly { readonly Action: string | readonly string[]; readonly Effect: string }[];
  };
}
/** What the role of one of the functions may do. */
const actionsOf = (service: string): string[] =>
  Object.entries(propertiesOf<Policy>(made, 'AWS::IAM::Policy'))
    .filter(([id]) => id.includes(service))
    .flatMap(([, { PolicyDocument }]) => PolicyDocument.Statement.flatMap(({ Action }) => Action))
    .toSorted();

test('who is told is subscribed, people by e-mail and queues by their ARN', () => {
  const subscriptions = propertiesOf<{ readonly Protocol: string; readonly Endpoint: string }>(
    made,
    'AWS::SNS::Subscription',
  );
  expect(Object.values(subscriptions).map(({ Protocol, Endpoint }) => [Protocol, Endpoint])).toEqual([
    ['email', 'ops@example.org'],
    ['sqs', 'arn:aws:sqs:eu-central-1:123456789012:deployments'],
  ]);
  expect(resourcesOf(synthesized(), 'AWS::SNS::Subscription')).toEqual({});
  expect(() => synthesized({ tell: 'ops' })).toThrow('must be e-mail addresses, or ARNs of SQS queues');
});

test('the topic is encrypted, takes nothing in the clear, and lets in alarms of this account', () => {
  const [topic] = Object.values(propertiesOf<{ readonly KmsMasterKeyId?: unknown }>(made, 'AWS::SNS::Topic'));
  expect(topic?.KmsMasterKeyId).toBeDefined();
  const [policy] = Object.values(propertiesOf<Policy>(made, 'AWS::SNS::TopicPolicy'));
  expect(policy?.PolicyDocument.Statement).toEqual([
    expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    expect.objectContaining({ Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' } }),
  ]);
  const [key] = Object.values(propertiesOf(made, 'AWS::KMS::Key'));
  expect(JSON.stringify(key)).toContain('cloudwatch.amazonaws.com');
});

test('every alarm tells the topic when it goes off and when it is over', () => {
  const [topic = ''] = Object.keys(resourcesOf(made, 'AWS::SNS::Topic'));
  for (const { AlarmActions, OKActions } of alarmsOf(made)) {
    expect([AlarmActions, OKActions]).toEqual([[{ Ref: topic }], [{ Ref: topic }]]);
  }
});

test('alarms carry the name of their stack, and link the runbook where it is read', () => {
  const runbookUrl = 'https://example.org/runbook.md';
  const [first] = alarmsOf(synthesized({ stage: 'production', runbookUrl, rowErrorLimit: '500' })).filter(
    ({ AlarmName }) => AlarmName.endsWith('row-errors'),
  );
  expect(first).toMatchObject({ AlarmName: 'data-migrations-production-row-errors', Threshold: 500 });
  expect(first?.AlarmDescription).toContain(' What to do: https://example.org/runbook.md#row-errors');
  expect(() => synthesized({ runbookUrl: 'runbook' })).toThrow(
    'runbookUrl must be an address, got "runbook"',
  );
  expect(() => synthesized({ rowErrorLimit: 'few' })).toThrow(
    'rowErrorLimit must be a number from 1, got "few"',
  );
});

test('a cluster that is there already has the alarms, but for the one that needs its limit of connections', () => {
  const existing = synthesized({
    clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders',
    secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-Ab12Cd',
    databaseName: 'orders',
  });
  const names = (from: typeof made) => alarmsOf(from).map(({ AlarmName }) => AlarmName);
  expect(names(existing)).toEqual(names(made).filter((name) => !name.endsWith('database-connections')));
  expect(JSON.stringify(alarmsOf(existing))).toContain('"Value":"orders"');
});

test('the functions that look from outside may read, run single statements, and publish: nothing else', () => {
  expect(actionsOf('WatcherWatch')).toEqual([
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'rds-data:ExecuteStatement',
    'secretsmanager:GetSecretValue',
    'states:DescribeExecution',
    'states:GetExecutionHistory',
    'states:ListExecutions',
  ]);
  expect(actionsOf('NoticesNotify')).toEqual([
    'kms:Decrypt',
    'kms:GenerateDataKey',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'sns:Publish',
    'states:DescribeExecution',
    'states:GetExecutionHistory',
  ]);
});

test('the end of each execution of each machine is told', () => {
  const rules = Object.values(
    propertiesOf<{
      readonly EventPattern?: {
        readonly detail: { readonly stateMachineArn: unknown[]; readonly status: string[] };
      };
      readonly ScheduleExpression?: string;
    }>(made, 'AWS::Events::Rule'),
  );
  const [ended] = rules.flatMap(({ EventPattern }) => EventPattern ?? []);
  const machines = Object.keys(resourcesOf(made, 'AWS::StepFunctions::StateMachine'));
  expect(ended?.detail.stateMachineArn.map(spelled).toSorted()).toEqual(
    machines.map((id) => `<${id}>`).toSorted(),
  );
  expect(ended?.detail.status).toEqual(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);
  expect(rules.flatMap(({ ScheduleExpression }) => ScheduleExpression ?? [])).toEqual([
    'cron(0/5 * * * ? *)',
  ]);
});
