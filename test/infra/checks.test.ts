import { spawnSync } from 'node:child_process';
import { App } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import cdk from '../../cdk.json' with { type: 'json' };
import { dataMigrations } from '../../infra/data-migrations.ts';
import { fixtures, scratch, synthesized } from './synthesized.ts';

const cfnLint = spawnSync('cfn-lint', ['--version']).status === 0;

test.each(['staging', 'production'])(
  'cdk-nag has nothing against the %s stage that is not acknowledged with a reason',
  (stage) => {
    const app = new App({ outdir: scratch(), context: { ...cdk.context, stage } });
    dataMigrations(app, fixtures);
    expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  },
);

test.skipIf(!cfnLint)('cfn-lint finds no error in the template', () => {
  const { assembly } = synthesized();
  const templates = assembly.stacks.map(({ templateFullPath }) => templateFullPath);
  const { stdout, status } = spawnSync(
    'cfn-lint',
    ['--non-zero-exit-code', 'error', '--ignore-checks', 'W', '--', ...templates],
    { encoding: 'utf8' },
  );
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
