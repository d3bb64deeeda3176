import { App } from 'aws-cdk-lib';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import cdk from '../cdk.json' with { type: 'json' };
import type { Application } from './application.ts';
import { dataMigrations } from './data-migrations.ts';

export interface SynthesizeProps {
  /** Where template and bundles go; made when missing. */
  readonly outdir: string;
  /** As `cdk -c key=value`. */
  readonly context?: Readonly<Record<string, string>>;
  readonly application: Application;
}

export interface Synthesized {
  readonly assembly: CloudAssembly;
  /** The CloudFormation template; a function's `Metadata['aws:asset:path']` is its bundle's folder in the assembly. */
  readonly template: Template;
}

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

/** What `cdk synth` makes, in this process: no network, no account, and no checks that CI makes anyway. */
export function synthesize({ outdir, context, application }: SynthesizeProps): Synthesized {
  const app = new App({
    outdir,
    analyticsReporting: cdk.versionReporting,
    treeMetadata: false,
    builtinCloudFormationValidation: false, // it takes two thirds of the time; npm run synth does it
    context: {
      ...cdk.context,
      'aws:cdk:enable-asset-metadata': true, // as the CLI does
      ...context,
    },
  });
  const stack = dataMigrations(app, application);
  const assembly = app.synth();
  return { assembly, template: assembly.getStackArtifact(stack.artifactId).template as Template };
}
