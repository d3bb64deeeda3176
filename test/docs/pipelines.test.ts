import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import cdk from '../../cdk.json' with { type: 'json' };
import { ReleasePipeline } from '../../docs/pipelines/code-pipeline.ts';
import { PipelineRoles } from '../../docs/pipelines/roles.ts';
import { dataMigrations } from '../../infra/data-migrations.ts';
import { fixtures, scratch, spelled } from '../infra/synthesized.ts';
import { commandsAt } from '../support/commands.ts';
import gitlabSchema from './gitlab-ci.schema.json' with { type: 'json' };
import { githubScripts, gitlabScripts, sample } from './samples.ts';

const cfnLint = spawnSync('cfn-lint', ['--version']).status === 0;

test('the GitHub workflow is one, to GitHub’s own parser', () => {
  const problems = (workflow: string) =>
    spawnSync(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('github-problems.ts', import.meta.url))],
      { input: workflow, encoding: 'utf8' },
    ).stdout;
  const workflow = sample('github-actions.yml');
  expect(problems(workflow)).toBe('[]');
  expect(problems(workflow.replace('needs: gate', 'needs: gaet'))).toContain("'gaet'");
});

test('the GitLab pipeline is one, by GitLab’s own schema', () => {
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(gitlabSchema);
  const pipeline = parse(sample('gitlab-ci.yml'));
  validate(pipeline);
  expect(validate.errors ?? []).toEqual([]);
  expect(validate({ ...pipeline, gate: { ...pipeline.gate, scripts: [] } })).toBe(false);
});

// What a deploy of the samples makes: the stage of production, its roles, and a pipeline that is in AWS.
const context = { ...cdk.context, createDatabase: 'true', stage: 'production' };
const app = new App({ outdir: scratch(), context });
const { migrations } = dataMigrations(app, fixtures);
const release = new Stack(app, 'release');
new PipelineRoles(migrations, 'GitHub', {
  migrations,
  issuer: 'token.actions.githubusercontent.com',
  audience: 'sts.amazonaws.com',
  subject: 'repo:acme/shop:environment:production',
});
new ReleasePipeline(release, 'Release', {
  migrations,
  connectionArn: 'arn:aws:codeconnections:eu-central-1:123456789012:connection/1234',
  owner: 'acme',
  repository: 'shop',
  finished: ['users-full-name', 'employee-event-payloads'],
});
const template = Template.fromStack(release);
const assembly = app.synth();

const ofMigrations = Template.fromStack(Stack.of(migrations));

/** What the roles may do whose policies' logical ids begin so: `action on resource`. */
function rights(prefix: string): readonly string[] {
  return [template, ofMigrations]
    .flatMap((each) => Object.entries(each.findResources('AWS::IAM::Policy')))
    .filter(([id]) => id.startsWith(prefix))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[])
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((on) => `${action} on ${spelled(on)}`)),
    )
    .sort();
}

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
}

const states = 'arn:aws:states:eu-central-1:123456789012';
const starting = [
  `states:DescribeExecution on ${states}:execution:run-migrations-production:*`,
  `states:StartExecution on ${states}:stateMachine:run-migrations-production`,
];

test('cdk-nag has nothing against the roles, which are in the stack that it looks at', () => {
  const { violations } = new AwsSolutionsChecks(migrations).validateScope(migrations);
  expect(violations.map(({ ruleName }) => ruleName)).toEqual([]);
});

describe('the roles of the samples', () => {
  test('start runs and ask how they ended, and the one that waits can do so for as long as a job of GitHub may take', () => {
    expect(rights('MigrationsGitHubStart')).toEqual(starting);
    ofMigrations.hasResourceProperties('AWS::IAM::Role', {
      MaxSessionDuration: 6 * 3_600,
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: {
              StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
              StringLike: {
                'token.actions.githubusercontent.com:sub': 'repo:acme/shop:environment:production',
              },
            },
          },
        ],
      },
    });
  });

  test('that gate a release read, and start nothing', () => {
    for (const gate of ['MigrationsGitHubRead', 'ReleaseGate']) {
      expect(rights(gate)).toContainEqual(expect.stringMatching(/^rds-data:ExecuteStatement on/));
      expect(rights(gate).filter((right) => /^states:(Start|Stop|Redrive)/.test(right))).toEqual([]);
    }
  });

  test('that deploy are none but the CDK’s own', () => {
    expect(rights('MigrationsGitHubDeploy')).toEqual([
      'sts:AssumeRole on arn:aws:iam::123456789012:role/cdk-*',
    ]);
  });
});

describe('CodePipeline', () => {
  const [pipeline] = Object.values(template.findResources('AWS::CodePipeline::Pipeline'));
  const actions: readonly Action[] = pipeline?.Properties.Stages.flatMap(
    ({ Actions }: { Actions: Action[] }) => Actions,
  );

  interface Action {
    readonly Name: string;
    readonly ActionTypeId: { readonly Provider: string };
    readonly Configuration: Readonly<Record<string, unknown>>;
  }

  test('gates, deploys, runs the migrations by the release’s name, and reports', () => {
    expect(actions.map(({ Name }) => Name)).toEqual(['Source', 'Gate', 'Deploy', 'Run', 'Report']);
    expect(actions.find(({ Name }) => Name === 'Run')).toMatchObject({
      ActionTypeId: { Provider: 'StepFunctions' },
      Configuration: { Input: '{"Comment":"by the pipeline"}', ExecutionNamePrefix: '#{variables.release}' },
    });
  });

  test('has of the migrations’ machine what its action asks for, and of the database nothing', () => {
    const run = rights('ReleasePipelineMigrateRun');
    expect(new Set(run.map((right) => right.split(' ')[0]))).toEqual(
      new Set([
        'states:StartExecution',
        'states:DescribeStateMachine',
        'states:DescribeExecution',
        ...artifacts(run),
      ]),
    );
  });

  /** Its own store of artifacts, for the result map. */
  const artifacts = (all: readonly string[]) =>
    all.map((right) => right.split(' ')[0] ?? '').filter((action) => /^(s3|kms):/.test(action));

  test.skipIf(!cfnLint)('is what cfn-lint takes', () => {
    const { templateFullPath } = assembly.getStackByName('release');
    const { stdout } = spawnSync('cfn-lint', ['--ignore-checks', 'W', '--', templateFullPath], {
      encoding: 'utf8',
    });
    // It does not know yet by what one stack reads of another.
    expect(
      stdout.split('\n').filter((line) => /^E/.test(line) && !line.includes('Fn::GetStackOutput')),
    ).toEqual([]);
  });
});

describe('every command in the samples', () => {
  const lines = [
    ...Object.values(githubScripts()).flat(),
    ...Object.values(gitlabScripts()).flat(),
    ...[sample('code-pipeline.ts'), sample('README.md')],
  ].flatMap((script) => script.split('\n'));

  test('exists, with its options', async () => {
    const commands = commandsAt({ clientEnvironment: {} });
    const calls = lines.flatMap((line) => /npx migrations (\w+)(.*)/.exec(line)?.slice(1, 3) ?? []);
    expect(calls.length).toBeGreaterThan(4);
    for (const [place, name] of calls.entries()) {
      if (place % 2 === 1) {
        continue;
      }
      const { code, stdout } = await commands.run([name, '--help'], []);
      expect(code, name).toBe(0);
      const options = calls[place + 1]?.match(/(?<= )--[\w-]+/g) ?? [];
      expect(
        options.filter((option) => !stdout.includes(option)),
        name,
      ).toEqual([]);
    }
    commands.close();
  });

  test('deploys with a context that is taken', () => {
    const deploys = lines.filter((line) => /npm run deploy|cdk deploy.*-c /.test(line));
    expect(deploys.length).toBeGreaterThan(2);
    for (const deploy of deploys) {
      const given = Object.fromEntries(
        [...deploy.matchAll(/-c (\w+)=(\w+)/g)].map(([, key, value]) => [key, value]),
      );
      expect({ ...cdk.context, ...given }).toEqual(context);
    }
  });
});
