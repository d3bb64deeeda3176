import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
let chain: TestRuntime;
let sfn: SFNClient;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'counter', environment: { SLICES_PER_EXECUTION: '1' } });
  sfn = new SFNClient({
    endpoint: chain.stepFunctions.url,
    region: chain.clientEnvironment.AWS_REGION as string,
    credentials: chain.credentials,
  });
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL, in_code integer NOT NULL)`);
});
afterAll(async () => {
  sfn.destroy();
  await chain.close();
});
beforeEach(async () => {
  await chain.reset();
  await chain.database.query('TRUNCATE counters');
  await chain.database.query(`INSERT INTO counters SELECT n, 0, 0 FROM generate_series(1, ${rows}) AS n`);
});

/** All that a pipeline knows: it starts an execution, and polls that one until it has ended. */
async function pipeline(): Promise<{
  status: string | undefined;
  output: unknown;
  error: string | undefined;
}> {
  const start = new StartExecutionCommand({ stateMachineArn: chain.migrationsMachineArn, input: '{}' });
  const { executionArn } = await sfn.send(start);
  for (;;) {
    const { status, output, error } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') {
      return { status, output: JSON.parse(output ?? 'null'), error };
    }
    // What it takes for done must be so: while it runs, it says nothing of the kind.
    expect(output).toBeUndefined();
    await sleep(50);
  }
}
const isDone = async () => {
  const [left] = await chain.database.query<{ rows: number }>(
    'SELECT count(*)::int AS rows FROM counters WHERE in_sql <> 1 OR in_code <> 1',
  );
  return left?.rows === 0;
};
const counted = expect.objectContaining({ total_processed: rows, total_updated: rows, errors: 0 });

test('promise 12: a pipeline that only polls is right about a run of many parts, one that has nothing to do, and one that failed', async () => {
  const done = await pipeline();
  expect(done).toEqual({
    status: 'SUCCEEDED',
    output: { 'add-one-in-sql': counted, 'add-one-in-code': counted },
    error: undefined,
  });
  expect(await isDone()).toBe(true);
  expect(await pipeline()).toEqual({
    status: 'SUCCEEDED',
    output: { 'add-one-in-sql': 'skipped', 'add-one-in-code': 'skipped' },
    error: undefined,
  });

  await chain.database.query('DROP SCHEMA data_migrations CASCADE');
  await chain.database.query('ALTER TABLE counters RENAME COLUMN in_code TO in_js');
  expect(await pipeline()).toMatchObject({ status: 'FAILED', error: 'MigrationFailed', output: null });
  await chain.database.query('ALTER TABLE counters RENAME COLUMN in_js TO in_code');
});

test('promise 12: so it is about a run that is stopped in a part, and about the redrive that goes on', async () => {
  let stop = true;
  const stopped: string[] = [];
  chain.between.invocation = async (request, invoke) => {
    if (stop && request.operation === 'batches' && request.run.part === 2) {
      stop = false;
      stopped.push(request.run.execution_arn);
      await chain.stop(request.run.execution_arn);
    }
    return invoke();
  };
  expect(await pipeline()).toMatchObject({ status: 'ABORTED', output: null });
  expect(await isDone()).toBe(false);
  const [run = ''] = stopped;
  await chain.redrive(run);
  expect((await chain.ended(run)).status).toBe('SUCCEEDED');
  expect(await isDone()).toBe(true);
});
