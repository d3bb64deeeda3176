import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Migrations } from '../../infra/migrations.ts';
import { type Operator, operator } from '../cli/operator.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { fixtures, scratch, spelled } from './synthesized.ts';

const machine = 'arn:aws:states:eu-central-1:123456789012:stateMachine:run-migrations';
const job = 'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild-employee-projections';
const executions = (of: string) => `${of.replace(':stateMachine:', ':execution:')}:*`;
const cluster = 'arn:aws:rds:eu-central-1:123456789012:cluster:orders';
const secret = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-Ab12Cd';
const key = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';

/** One role for each grant. */
const app = new App({ outdir: scratch() });
const stack = new Stack(app, 'grants');
const migrations = new Migrations(stack, 'Migrations', {
  database: {
    cluster: { clusterArn: cluster },
    secret: Secret.fromSecretCompleteArn(stack, 'Secret', secret),
    databaseName: 'orders',
    encryptionKey: Key.fromKeyArn(stack, 'Key', key),
  },
  entry: fixtures.handler,
  followUps: { rebuild: StateMachine.fromStateMachineArn(stack, 'Job', job) },
});
const role = (name: string) => new Role(stack, name, { assumedBy: new AccountPrincipal('123456789012') });
const [pipeline, developer, onCall] = [role('start'), role('read'), role('operate')];
// docs: grants
migrations.grantStart(pipeline); // states:StartExecution and states:DescribeExecution, nothing of the database
migrations.grantRead(developer); // what the commands need that only look, and the console; a gate needs that, too
migrations.grantOperate(onCall); // what all commands need
// docs: end
const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));

/** What a grant gives: `action on resource`. */
function given(grant: 'start' | 'read' | 'operate'): readonly string[] {
  const policy = policies.find(({ Properties }) => String(Properties.PolicyName).startsWith(grant));
  const statements: { Action: string | string[]; Resource: unknown }[] =
    policy?.Properties.PolicyDocument.Statement;
  return statements
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((on) => `${action} on ${spelled(on)}`)),
    )
    .sort();
}

const reading = [
  `kms:Decrypt on ${key}`,
  `rds-data:ExecuteStatement on ${cluster}`,
  `secretsmanager:GetSecretValue on ${secret}`,
  'states:ListStateMachines on *',
  ...[machine, job].flatMap((of) => [
    `states:DescribeStateMachine on ${of}`,
    `states:ListExecutions on ${of}`,
    `states:ListTagsForResource on ${of}`,
    `states:DescribeExecution on ${executions(of)}`,
    `states:DescribeStateMachineForExecution on ${executions(of)}`,
    `states:GetExecutionHistory on ${executions(of)}`,
  ]),
];

describe('the grants of Migrations', () => {
  test('let a pipeline start runs and ask how they ended, and nothing else: nothing of the database', () => {
    expect(given('start')).toEqual([
      `states:DescribeExecution on ${executions(machine)}`,
      `states:StartExecution on ${machine}`,
    ]);
  });

  test('let who reads start and stop nothing', () => {
    expect(given('read')).toEqual(reading.toSorted());
  });

  test('let an operator act on the executions of the migrations and their jobs, and of no other machine', () => {
    const acting = [
      ...['Begin', 'Commit', 'Rollback'].map((what) => `rds-data:${what}Transaction on ${cluster}`),
      ...[machine, job].flatMap((of) => [
        `states:StartExecution on ${of}`,
        `states:RedriveExecution on ${executions(of)}`,
        `states:StopExecution on ${executions(of)}`,
      ]),
    ];
    expect(given('operate')).toEqual([...reading, ...acting].sort());
  });

  test('leave cdk-nag nothing to say about the roles', () => {
    const { violations } = new AwsSolutionsChecks(app).validateScope(app);
    const found = violations.flatMap(({ violatingResources }) =>
      violatingResources.map(({ constructPath }) => String(constructPath)),
    );
    expect(found.filter((path) => /^grants\/(start|read|operate)\//.test(path))).toEqual([]);
  });
});

describe('the commands', () => {
  let at: Operator;
  let proxies: FaultProxy[];
  let asked: Set<string>;
  beforeAll(async () => {
    at = await operator();
    await at.begin();
    asked = new Set();
    proxies = await Promise.all([
      startFaultProxy({
        target: at.runtime.stepFunctions.url,
        onCall({ headers }) {
          asked.add(`states:${String(headers['x-amz-target']).split('.')[1]}`);
          return 'pass';
        },
      }),
      startFaultProxy({
        target: at.runtime.rdsData.url,
        onCall({ path }) {
          asked.add(`rds-data:${dataApiActions[path.slice(1)]}`);
          return 'pass';
        },
      }),
    ]);
    const [sfn, rdsData] = proxies;
    Object.assign(process.env, { AWS_ENDPOINT_URL_SFN: sfn?.url, AWS_ENDPOINT_URL_RDS_DATA: rdsData?.url });
  });
  afterAll(async () => {
    await at.close();
    await Promise.all(proxies.map((each) => each.close()));
  });

  const actionsOf = (grant: Parameters<typeof given>[0]) => given(grant).map((each) => each.split(' ')[0]);
  /** The actions that these commands ask for. */
  async function askedBy(...commands: readonly string[][]): Promise<readonly string[]> {
    asked.clear();
    for (const args of commands) {
      const { code, stderr } = await at.does(...args);
      expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
    }
    return [...asked].sort();
  }

  test('need no right that their grant does not give', async () => {
    const first = await askedBy(['start', '--name', 'v1-42-0', '--foreground', '--wait']);
    expect(first).toContain('states:StartExecution');
    const reads = await askedBy(
      ['list'],
      ['progress'],
      ['finished', 'prices'],
      ['errors', 'prices'],
      ['history'],
    );
    expect(reads).toContain('rds-data:ExecuteStatement');
    expect(reads.filter((action) => !actionsOf('read').includes(action))).toEqual([]);
    const acts = await askedBy(['plan', 'prices'], ['retry', 'prices'], ['validate', 'labels']);
    expect(acts).toContain('rds-data:RollbackTransaction');
    expect([...first, ...acts].filter((action) => !actionsOf('operate').includes(action))).toEqual([]);
  });
});

const dataApiActions: Readonly<Record<string, string>> = {
  Execute: 'ExecuteStatement',
  BeginTransaction: 'BeginTransaction',
  CommitTransaction: 'CommitTransaction',
  RollbackTransaction: 'RollbackTransaction',
};
