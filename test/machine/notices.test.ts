import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Notice } from '../../functions/notify/notice.ts';
import { failed } from '../../local/lambda/outcome.ts';
import type { Message } from '../../local/sns/sns.ts';
import { demoSql } from '../support/demo.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 30;
let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'release', secondMs: 2 });
  await chain.database.query(await demoSql('schema'));
  await chain.database.query(`
    CREATE TABLE products (
      id integer PRIMARY KEY, price_text text NOT NULL, price numeric CHECK (price >= 0), label text NOT NULL)`);
});
afterAll(() => chain.close());
beforeEach(async () => {
  await chain.reset();
  await chain.database.query(
    'TRUNCATE products; TRUNCATE employee_events, employee_projection RESTART IDENTITY',
  );
  await chain.database.query(
    `INSERT INTO products SELECT n, n || '.50', NULL, 'label ' || n FROM generate_series(1, $1::int) AS n`,
    [rows],
  );
});

/** What EventBridge sends of the end of an execution, with what it has for the rule to match, and what comes of it. */
async function told(executionArn: string): Promise<Message | undefined> {
  const { stateMachineArn, name, status, input, output } = await chain.ended(executionArn);
  const before = chain.sns.messages.length;
  await chain.invoke('notify', {
    source: 'aws.states',
    'detail-type': 'Step Functions Execution Status Change',
    detail: { executionArn, stateMachineArn, name, status, input, output },
  });
  const [message, ...others] = chain.sns.messages.slice(before);
  expect(others).toEqual([]);
  return message;
}

const noticeIn = (message: Message | undefined): Notice => JSON.parse(message?.byProtocol.sqs ?? 'null');

describe('a notice', () => {
  test('of a run that succeeded says what it did, for people and for machines', async () => {
    await chain.database.query(`UPDATE products SET price_text = 'dear' WHERE id = 7`);
    const run = await chain.start({}, chain.migrationsMachineArn, 'v1-42-0');
    const message = await told(run);
    expect(message?.subject).toBe('data-migrations: the run of a release has succeeded');
    expect(message?.topicArn).toMatch(/^arn:aws:sns:eu-central-1:123456789012:OperationsTopic/);
    expect(message?.attributes).toEqual({ stack: 'data-migrations', status: 'SUCCEEDED' });
    const text = message?.byProtocol.default;
    expect(text).toMatch(
      /^What\n {2}the run of a release has succeeded, v1-42-0 of data-migrations\n {2}from /,
    );
    expect(text).toContain(
      '\nHow far\n  prices: 29 rows changed, 1 could not be migrated\n  labels: 30 rows changed\n  1 with nothing to do\n',
    );
    expect(text).toContain(
      '\nWhat to do\n  Look at the rows that could not be migrated: npx migrations errors prices\n',
    );
    expect(text).toContain(
      `\nMore\n  https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1#/v2/executions/details/${run}\n`,
    );
    expect(noticeIn(message)).toMatchObject({
      stack: 'data-migrations',
      status: 'SUCCEEDED',
      what: 'the run of a release',
      execution: 'v1-42-0',
      results: {
        'employee-event-payloads': 'skipped',
        prices: { errors: 1 },
        labels: { total_updated: rows },
      },
    });
    expect(message?.byProtocol.lambda).toBe(message?.byProtocol.sqs);
  });

  test('of a run that failed says how far it came, why, and what to do', async () => {
    await chain.database.query(`UPDATE products SET price_text = 'dear' WHERE id > 20`);
    const message = await told(await chain.start());
    expect(message?.subject).toBe('data-migrations: the run of a release has failed');
    const text = message?.byProtocol.default;
    expect(text).toContain('\nWhy\n  ErrorBudgetSpent: migration "prices", batch ');
    expect(text).toContain('npx migrations errors NAME');
    expect(text).toContain('\n  docs/runbook.md#errorbudgetspent\n');
    expect(noticeIn(message)).toMatchObject({
      status: 'FAILED',
      error: 'ErrorBudgetSpent',
      results: { 'employee-event-payloads': 'skipped' },
      runbook: 'docs/runbook.md#errorbudgetspent',
    });
  });

  test('of a run that was stopped says what was done, and where it was', async () => {
    const slice = new Promise<void>((resolve) => {
      chain.between.invocation = async (request, invoke) => {
        const outcome = await invoke();
        if (
          request.operation !== 'batches' ||
          request.migration !== 'labels' ||
          outcome.status === 'failed'
        ) {
          return outcome;
        }
        resolve();
        return {
          ...outcome,
          payload: { ...(outcome.payload as object), state: 'more', rest_seconds: 100_000 },
        };
      };
    });
    const run = await chain.start();
    await slice;
    await expect
      .poll(async () => (await chain.history(run)).at(-1)?.stateEnteredEventDetails?.name)
      .toBe('Rest');
    await chain.stop(run);
    const message = await told(run);
    expect(message?.subject).toBe('data-migrations: the run of a release was stopped');
    expect(message?.byProtocol.default).toContain('prices: 30 rows changed\n');
    expect(message?.byProtocol.default).toContain('To go on from the checkpoint: npx migrations resume');
    expect(message?.byProtocol.default).toContain('labels: under way, 30 rows done\n');
    expect(noticeIn(message)).toMatchObject({ under_way: { migration: 'labels', total_processed: rows } });
    expect(noticeIn(message).runbook).toBeUndefined();
  });

  test('of a run that could not even be recorded links the section of the alarm', async () => {
    chain.between.invocation = async () =>
      failed('Runtime.ImportModuleError', "Cannot find module 'migrations'");
    const message = await told(await chain.start());
    expect(message?.byProtocol.default).toContain('Why\n  Runtime.ImportModuleError: ');
    expect(noticeIn(message).runbook).toBe('docs/runbook.md#run-failed');
  });

  test('of a follow-up job says which one', async () => {
    const message = await told(await chain.start({}, chain.rebuildMachineArn));
    expect(message?.subject).toBe(
      'data-migrations: the follow-up job rebuild-employee-projections has succeeded',
    );
    expect(noticeIn(message).to_do).toBe('Nothing.');
  });

  test('is not sent of a start that was refused', async () => {
    expect(await told(await chain.start({ only: 'no-such' }))).toBeUndefined();
  });

  test('is not sent of a part, whose run says it all', async () => {
    const input = {
      part_of: { execution_arn: `${chain.migrationsMachineArn}:x`, redrive_count: 0, part: 2 },
    };
    expect(await told(await chain.start(input))).toBeUndefined();
  });
});
