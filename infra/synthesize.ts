import { App } from 'aws-cdk-lib';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import cdk from '../cdk.json' with { type: 'json' };
import type { Application } from './application.ts';
import { dataMigrations } from './data-migrations.ts';

/**
 * @example
 * const { template } = synthesize({ outdir: '.local/cdk.out', application: shop });
 */
export interface SynthesizeProps {
  /** The folder where template and bundles are written; made if it is missing. */
  readonly outdir: string;
  /** As `cdk -c key=value`. Where it says nothing about the database, that of a laptop is assumed to be there. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly application: Application;
}

export interface Synthesized {
  readonly assembly: CloudAssembly;
  /** The CloudFormation template of the stack with the migrations. A function's `Metadata['aws:asset:path']` is the folder of its bundle in the assembly. */
  readonly template: Template;
}

/** As much of a CloudFormation template as is read. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

/** Names for what is not in AWS. */
const laptop = {
  clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:laptop',
  secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:laptop-Ab12Cd',
  databaseName: 'app',
};

/** Does what `cdk synth` does, in this process: without network, account, or the checks that `npm run synth` makes. */
export function synthesize({ outdir, context = {}, application }: SynthesizeProps): Synthesized {
  const app = new App({
    outdir,
    analyticsReporting: cdk.versionReporting,
    treeMetadata: false,
    builtinCloudFormationValidation: false, // it takes two thirds of the time; npm run synth does it
    context: {
      ...cdk.context,
      'aws:cdk:enable-asset-metadata': true, // as the CLI does
      ...('createDatabase' in context || 'clusterArn' in context ? {} : laptop),
      ...context,
    },
  });
  const stack = dataMigrations(app, application);
  const assembly = app.synth();
  const template: Template = assembly.getStackArtifact(stack.artifactId).template;
  return { assembly, template };
}
