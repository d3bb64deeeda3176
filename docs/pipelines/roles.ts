import { Aws, CfnOutput, Duration } from 'aws-cdk-lib';
import { OpenIdConnectPrincipal, OpenIdConnectProvider, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from '../../infra/acknowledge.ts';
import type { Migrations } from '../../infra/migrations.ts';

/**
 * @example
 * cdkApp(shop, ({ migrations }) => {
 *   new PipelineRoles(migrations, 'GitHub', {
 *     migrations,
 *     issuer: 'token.actions.githubusercontent.com',
 *     audience: 'sts.amazonaws.com',
 *     subject: 'repo:acme/shop:environment:production',
 *   });
 * });
 */
export interface PipelineRolesProps {
  readonly migrations: Migrations;
  /** Who says which pipeline it is: an OIDC provider that the account has. GitLab is `gitlab.com`. */
  readonly issuer: string;
  /** GitLab's is `https://gitlab.com`, as the sample asks for it. */
  readonly audience: string;
  /** Which pipelines may be who; `*` stands for anything: `project_path:acme/shop:ref_type:tag:ref:*`. */
  readonly subject: string;
}

/** A role for each job of a pipeline, so that the one that waits for hours may do next to nothing. */
export class PipelineRoles extends Construct {
  constructor(scope: Construct, id: string, { migrations, issuer, audience, subject }: PipelineRolesProps) {
    super(scope, id);
    const providerArn = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:oidc-provider/${issuer}`;
    const provider = OpenIdConnectProvider.fromOpenIdConnectProviderArn(this, 'Provider', providerArn);
    const role = (name: string, maxSessionDuration = Duration.hours(1)): Role => {
      const made = new Role(this, name, {
        assumedBy: new OpenIdConnectPrincipal(provider, {
          StringEquals: { [`${issuer}:aud`]: audience },
          StringLike: { [`${issuer}:sub`]: subject },
        }),
        maxSessionDuration,
      });
      new CfnOutput(this, `${name}RoleArn`, { value: made.roleArn });
      return made;
    };

    // As long as GitHub lets a job wait.
    migrations.grantStart(role('Start', Duration.hours(6)));
    migrations.grantRead(role('Read'));
    // The CDK's own roles do the rest: those that `cdk bootstrap` has made.
    const deploy = role('Deploy');
    const ofTheCdk = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/cdk-*`;
    deploy.addToPolicy(new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [ofTheCdk] }));
    acknowledgeWildcard(
      deploy,
      ofTheCdk,
      'The roles that `cdk bootstrap` has made have account and region in their names.',
    );
  }
}
