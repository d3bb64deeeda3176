import { spawnSync } from 'node:child_process';
import { App } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import cdk from '../../cdk.json' with { type: 'json' };
import { dataMigrations } from '../../infra/data-migrations.ts';
import { databaseStackOf, fixtures, scratch, stage, synthesized, unbundled } from './synthesized.ts';

const cfnLint = spawnSync('cfn-lint', ['--version']).status === 0;

test.each(['staging', 'production'])(
  'cdk-nag has nothing against the %s stage that is not acknowledged with a reason',
  (name) => {
    const context = { ...cdk.context, ...unbundled, createDatabase: 'true', stage: name };
    const app = new App({ outdir: scratch(), context });
    dataMigrations(app, fixtures);
    expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  },
);

// It does not know yet by what one stack reads of another (Fn::GetStackOutput), so the migrations are those of a database that is there.
test.skipIf(!cfnLint)('cfn-lint finds no error in the templates', () => {
  const stacks = [...synthesized().assembly.stacks, databaseStackOf(stage('production'))];
  const templates = stacks.map(({ templateFullPath }) => templateFullPath);
  const { stdout, status } = spawnSync(
    'cfn-lint',
    ['--non-zero-exit-code', 'error', '--ignore-checks', 'W', '--', ...templates],
    { encoding: 'utf8' },
  );
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
