import { Aws } from 'aws-cdk-lib';
import { BuildSpec, PipelineProject } from 'aws-cdk-lib/aws-codebuild';
import { Artifact, Pipeline, PipelineType, Variable } from 'aws-cdk-lib/aws-codepipeline';
import {
  CodeBuildAction,
  CodeStarConnectionsSourceAction,
  StateMachineInput,
  StepFunctionInvokeAction,
} from 'aws-cdk-lib/aws-codepipeline-actions';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Migrations } from '../../infra/migrations.ts';

/**
 * @example
 * cdkApp(shop, ({ migrations, node }) => {
 *   new ReleasePipeline(new Stack(node.root, 'release'), 'Release', {
 *     migrations,
 *     connectionArn: 'arn:aws:codeconnections:eu-central-1:123456789012:connection/…',
 *     owner: 'acme',
 *     repository: 'shop',
 *     finished: ['users-full-name'],
 *   });
 * });
 */
export interface ReleasePipelineProps {
  readonly migrations: Migrations;
  /** The connection to whoever keeps the repository. */
  readonly connectionArn: string;
  readonly owner: string;
  readonly repository: string;
  /** What the release relies on: it goes out once these migrations of an earlier one are finished. */
  readonly finished: readonly string[];
}

/**
 * Gate, deploy, migrate, report. `cdk deploy --all` makes it, with the first release; each later one is started by its name:
 * `aws codepipeline start-pipeline-execution --name release --variables name=release,value=v1-42-0`
 */
export class ReleasePipeline extends Construct {
  constructor(scope: Construct, id: string, props: ReleasePipelineProps) {
    super(scope, id);
    const { migrations, connectionArn, owner, repository, finished } = props;
    const release = new Variable({
      variableName: 'release',
      description: 'As v1-42-0: letters, digits, - and _',
    });
    const source = new Artifact('Source');
    const result = new Artifact('Result');

    const job = (name: string, commands: readonly string[]): PipelineProject =>
      new PipelineProject(this, name, {
        buildSpec: BuildSpec.fromObject({ version: '0.2', phases: { build: { commands } } }),
      });
    const gate = job('Gate', [
      'npm ci',
      ...finished.map((migration) => `npx migrations finished ${migration} --stage production`),
    ]);
    migrations.grantRead(gate.role as Role);
    const deploy = job('Deploy', [
      'npm ci',
      // Not this pipeline itself, which is in a stack beside them.
      'npx cdk deploy "data-migrations-*" --require-approval never -c stage=production -c createDatabase=true',
    ]);
    // The CDK's own roles do it: those that `cdk bootstrap` has made.
    const ofTheCdk = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/cdk-*`;
    deploy.addToRolePolicy(new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [ofTheCdk] }));
    const report = job('Report', ['cat *']);

    new Pipeline(this, 'Pipeline', {
      pipelineName: 'release',
      pipelineType: PipelineType.V2,
      variables: [release],
      stages: [
        {
          stageName: 'Source',
          actions: [
            new CodeStarConnectionsSourceAction({
              actionName: 'Source',
              connectionArn,
              owner,
              repo: repository,
              output: source,
              triggerOnPush: false,
            }),
          ],
        },
        {
          stageName: 'Deploy',
          actions: [
            new CodeBuildAction({ actionName: 'Gate', project: gate, input: source, runOrder: 1 }),
            new CodeBuildAction({ actionName: 'Deploy', project: deploy, input: source, runOrder: 2 }),
          ],
        },
        {
          stageName: 'Migrate',
          actions: [
            // Polls until the run is over, for seven days at most. Behind the release's name comes the action's own id, so that
            // a retry of the stage starts another run, which goes on where the one before ended.
            new StepFunctionInvokeAction({
              actionName: 'Run',
              stateMachine: migrations.machine,
              stateMachineInput: StateMachineInput.literal({ Comment: 'by the pipeline' }),
              executionNamePrefix: release.reference(),
              output: result,
              runOrder: 1,
            }),
            new CodeBuildAction({ actionName: 'Report', project: report, input: result, runOrder: 2 }),
          ],
        },
      ],
    });
  }
}
