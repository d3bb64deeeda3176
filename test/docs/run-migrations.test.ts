import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { executionName } from '../../functions/engine/ledger/execution-names.ts';
import type { Exit } from '../cli/command.ts';
import { type Operator, operator } from '../cli/operator.ts';
import { folder, githubScripts, gitlabScripts } from './samples.ts';

// Runs what docs/pipelines/README.md and the files beside it tell a pipeline to run.

const hasAws = spawnSync('aws', ['--version']).status === 0;
if (!hasAws) {
  console.warn('The aws command line is not installed: the samples of pipelines are not run.');
}

describe.skipIf(!hasAws)('the aws command line', () => {
  let at: Operator;
  /** What a job of a pipeline has: the repository's samples, and room for files of its own. */
  let workplace: string;
  beforeAll(async () => {
    at = await operator();
    workplace = mkdtempSync(join(tmpdir(), 'pipeline-'));
    symlinkSync(join(folder, '..'), join(workplace, 'docs'));
  });
  afterAll(async () => {
    await at.close();
    rmSync(workplace, { recursive: true, force: true });
  });
  beforeEach(() => at.begin());

  /** Runs a script as a job of a pipeline does, with a key for Step Functions and with nothing of the database. */
  function job(script: string, environment: Readonly<Record<string, string>> = {}): Promise<Exit> {
    const { AWS_ENDPOINT_URL_RDS_DATA: _, ...client } = at.runtime.clientEnvironment;
    const env = {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME },
      ...client,
      AWS_DEFAULT_REGION: client.AWS_REGION,
      MACHINE_ARN: at.runtime.migrationsMachineArn,
      PAUSE: '0.2',
      ...environment,
    };
    return new Promise((resolve) => {
      execFile('bash', ['-ec', script], { cwd: workplace, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }
  const release = (name: string, environment?: Readonly<Record<string, string>>) =>
    job(`docs/pipelines/run-migrations.sh ${name}`, environment);
  const runs = async () =>
    (await at.runtime.executions(at.runtime.migrationsMachineArn))
      .map(executionName)
      .filter((name) => !name.includes('-part-'));

  test('starts a run under a name that logs take, waits, and makes its result map the summary of the GitHub job; once', async () => {
    const before = await runs();
    const summary = join(workplace, 'summary.md');
    const [run = '', show = ''] = githubScripts().migrate ?? [];
    const github = { GITHUB_REF_NAME: 'v1.42.0', GITHUB_STEP_SUMMARY: summary };
    const { code, stdout, stderr } = await job(`set -o pipefail\n${run}`, github);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      prices: { total_processed: 60, total_updated: 58, errors: 2 },
      labels: { total_processed: 60 },
    });
    expect((await job(show, github)).code).toBe(0);
    const [, map = ''] =
      /^### Migrations\n```json\n([\s\S]*)```\n$/.exec(readFileSync(summary, 'utf8')) ?? [];
    expect(JSON.parse(map)).toEqual(JSON.parse(stdout));
    expect(await release('v1.42.0')).toMatchObject({ code: 0, stdout });
    expect((await runs()).slice(before.length)).toEqual(['v1-42-0']);
    expect((await at.does('history')).stdout).toContain('by the pipeline');
  });

  test('fails the GitLab job as the run fails, keeps why, and goes on under another name when it is tried again', async () => {
    const before = await runs();
    const script = gitlabScripts().migrate?.join('\n') ?? '';
    await at.runtime.database.query('ALTER TABLE products RENAME label TO title');
    expect(await job(script, { CI_COMMIT_TAG: 'v1.43.0' })).toMatchObject({ code: 1 });
    expect(readFileSync(join(workplace, 'result.txt'), 'utf8')).toMatch(
      /^MigrationFailed\nmigration "labels"/,
    );
    await at.runtime.database.query('ALTER TABLE products RENAME title TO label');
    expect(await release('v1.43.0', { WAIT: 'no' })).toMatchObject({ code: 0, stdout: '' });
    // Started already: joined.
    expect(await release('v1.43.0')).toMatchObject({ code: 0, stdout: expect.stringContaining('"prices"') });
    expect((await runs()).slice(before.length)).toEqual(['v1-43-0', 'v1-43-0-2']);
  });

  test('ends when it may not ask, instead of trying every name', async () => {
    const { code, stderr } = await release('v1.45.0', { AWS_ACCESS_KEY_ID: 'SOMEBODY' });
    expect(code).not.toBe(0);
    expect(stderr.match(/StartExecution/g)).toHaveLength(1);
  });
});
