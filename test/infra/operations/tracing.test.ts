import { App } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import cdk from '../../../cdk.json' with { type: 'json' };
import { dataMigrations } from '../../../infra/data-migrations.ts';
import type { Synthesized } from '../../../infra/synthesize.ts';
import { fixtures, propertiesOf, scratch, synthesized, unbundled } from '../synthesized.ts';

/** Whether each machine, and each Lambda, of a stack sends traces. */
function traced(stack: Synthesized): boolean[] {
  const machines = propertiesOf<{ readonly TracingConfiguration?: { readonly Enabled: boolean } }>(
    stack,
    'AWS::StepFunctions::StateMachine',
  );
  const functions = propertiesOf<{ readonly TracingConfig?: { readonly Mode: string } }>(
    stack,
    'AWS::Lambda::Function',
  );
  return [
    ...Object.values(machines).map(({ TracingConfiguration }) => TracingConfiguration?.Enabled ?? false),
    ...Object.values(functions).map(({ TracingConfig }) => TracingConfig?.Mode === 'Active'),
  ];
}

test('machines that loop for days send no traces to X-Ray, nor do their Lambdas', () => {
  expect(new Set(traced(synthesized()))).toEqual(new Set([false]));
  expect(JSON.stringify(synthesized().template)).not.toContain('xray:');
});

test('the context switches traces on for machines and Lambdas, those of follow-up jobs too, and cdk-nag has nothing against it', () => {
  expect(new Set(traced(synthesized({ tracing: 'true' })))).toEqual(new Set([true]));
  const context = { ...cdk.context, ...unbundled, createDatabase: 'true', stage: 'staging', tracing: 'true' };
  const app = new App({ outdir: scratch(), context });
  dataMigrations(app, fixtures);
  expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  expect(() => synthesized({ tracing: 'on' })).toThrow('The context tracing must be true or false, got "on"');
});
