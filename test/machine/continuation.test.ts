import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { executionName } from '../../functions/engine/ledger/execution-names.ts';
import { demoSql } from '../support/demo.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 60;
const slicesPerExecution = 4;
let chain: TestRuntime;
/** Executions there were before the test. */
let earlier = { runs: 0, rebuilds: 0 };

beforeAll(async () => {
  const environment = { SLICES_PER_EXECUTION: String(slicesPerExecution) };
  chain = await startTestRuntime({ fixture: 'long', environment, secondMs: 2 });
  await chain.database.query(await demoSql('schema'));
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, in_sql integer NOT NULL, in_code integer NOT NULL)`);
});
afterAll(() => chain.close());

beforeEach(async () => {
  await chain.reset();
  await chain.database.query('TRUNCATE counters, employee_events, employee_projection');
  await chain.database.query('INSERT INTO counters SELECT n, 0, 0 FROM generate_series(1, $1::int) AS n', [
    rows,
  ]);
  await chain.database.query(`
    INSERT INTO employee_events (employee_id, type, payload, occurred_at)
    SELECT md5('employee ' || n)::uuid, 'hired', convert_to(payload::text, 'UTF8'), now()
    FROM generate_series(1, 10) AS n,
      (VALUES ('{"name": "Ada", "title": "Engineer", "office": "Berlin", "on": "2020-01-01"}'::json)) AS e (payload)`);
  earlier = { runs: (await runs()).length, rebuilds: (await rebuilds()).length };
});

const runs = () => chain.executions(chain.migrationsMachineArn);
const rebuilds = () => chain.executions(chain.rebuildMachineArn);
const counted = (count: number) => ({
  total_processed: count,
  total_updated: count,
  errors: 0,
  duration_seconds: expect.any(Number),
});
const complete = {
  'employee-event-payloads': counted(10),
  'add-one-in-sql': counted(rows),
  'add-one-in-code': counted(rows),
  next_jobs: ['rebuild-employee-projections'],
};

/** Every row changed once, one rebuild, called like the last part of the run and after it. */
async function expectDone(last: string | undefined): Promise<void> {
  expect(
    await chain.database.query('SELECT in_sql, in_code, count(*)::int AS rows FROM counters GROUP BY 1, 2'),
  ).toEqual([{ in_sql: 1, in_code: 1, rows }]);
  const started = (await rebuilds()).slice(earlier.rebuilds);
  expect(started.map(executionName)).toEqual([executionName(String(last))]);
  expect((await chain.ended(String(started[0]))).status).toBe('SUCCEEDED');
}

/** Stops a run as soon as the answer of its nth invocation of an operation is there. */
function stopAfter(operation: string): { readonly stopped: Promise<string> } {
  let report = (_: string): void => {};
  const stopped = new Promise<string>((resolve) => {
    report = resolve;
  });
  chain.between.invocation = async (request, invoke) => {
    const outcome = await invoke();
    if ('run' in request && request.operation === operation) {
      chain.between.invocation = undefined;
      await chain.stop(request.run.execution_arn);
      report(request.run.execution_arn);
    }
    return outcome;
  };
  return { stopped };
}

describe('promise 9: a long run', () => {
  test('goes on in executions of its own, each far from 25,000 events, and the last one has the whole result', async () => {
    const last = await chain.run();
    expect({ status: last.status, result: last.result }).toEqual({ status: 'SUCCEEDED', result: complete });

    const parts = (await runs()).slice(earlier.runs);
    // 1 + 2 × 6 slices that each do a page, and 2 that find the end.
    expect(parts.length).toBe(Math.ceil(15 / slicesPerExecution));
    const [first = ''] = parts;
    expect(parts.map(executionName)).toEqual([
      executionName(first),
      ...parts.slice(1).map((_, i) => `${executionName(first)}-part-${i + 2}`),
    ]);
    for (const [i, part] of parts.slice(0, -1).entries()) {
      expect((await chain.describe(part)).result).toEqual({ continued_by: parts[i + 1] });
      expect(JSON.parse((await chain.describe(String(parts[i + 1]))).input ?? '')).toEqual({
        continues: part,
      });
    }
    for (const part of parts) {
      const history = await chain.history(part);
      const slices = history.filter((event) => event.stateEnteredEventDetails?.name === 'Run batches').length;
      expect(slices).toBeLessThanOrEqual(slicesPerExecution);
      // What is not a slice: open, close, the hand-over, and three migrations asked.
      expect(history.length).toBeLessThanOrEqual(slices * 9 + 70);
      // Task, Choice and Wait for each slice that rests.
      expect(chain.stepFunctions.transitions(part)).toBeLessThanOrEqual(slices * 3 + 20);
    }
    await expectDone(last.executionArn);
  });

  test('that was stopped between its hand-over and its continuation goes on when it is redriven', async () => {
    const { stopped } = stopAfter('close');
    await chain.start();
    const first = await stopped;
    await chain.redrive(first);
    const last = await chain.followed(first);
    expect({ status: last.status, result: last.result }).toEqual({ status: 'SUCCEEDED', result: complete });
    await expectDone(last.executionArn);
  });

  test('that was stopped between its hand-over and its continuation is taken over by the next start', async () => {
    const { stopped } = stopAfter('close');
    await chain.start();
    await stopped;
    const last = await chain.run();
    expect({ status: last.status, result: last.result }).toEqual({
      status: 'SUCCEEDED',
      result: { ...complete, 'employee-event-payloads': 'skipped' },
    });
    await expectDone(last.executionArn);
  });

  test('that was stopped in a continuation goes on when that is redriven', async () => {
    let closes = 0;
    const stopped = new Promise<string>((resolve) => {
      chain.between.invocation = async (request, invoke) => {
        if ('run' in request && request.operation === 'batches' && closes === 1) {
          chain.between.invocation = undefined;
          await chain.stop(request.run.execution_arn);
          resolve(request.run.execution_arn);
        }
        if (request.operation === 'close') {
          closes += 1;
        }
        return invoke();
      };
    });
    await chain.start();
    const second = await stopped;
    expect(executionName(second)).toMatch(/-part-2$/);
    await chain.redrive(second);
    const last = await chain.followed(second);
    expect({ status: last.status, result: last.result }).toEqual({ status: 'SUCCEEDED', result: complete });
    await expectDone(last.executionArn);
  });

  test('promise 4: refuses another start in every part, and names the part that runs', async () => {
    const refused: Promise<readonly [string, string | undefined]>[] = [];
    chain.between.invocation = async (request, invoke) => {
      const { run } = request as { readonly run: { readonly execution_arn: string } };
      const isRival = rivals.has(run?.execution_arn);
      if (request.operation === 'batches' && !isRival) {
        const rival = await chain.start();
        rivals.add(rival);
        const { error, cause = '' } = await chain.ended(rival);
        refused.push(Promise.resolve([run.execution_arn, `${error}: ${cause}`] as const));
      }
      return invoke();
    };
    const rivals = new Set<string>();
    const last = await chain.run();
    expect({ status: last.status, result: last.result }).toEqual({ status: 'SUCCEEDED', result: complete });
    const answers = await Promise.all(refused);
    expect(new Set(answers.map(([holder]) => holder)).size).toBe(Math.ceil(15 / slicesPerExecution));
    for (const [holder, answer] of answers) {
      expect(answer).toContain(`MigrationsAlreadyRunning: the run ${holder} holds the ledger`);
    }
    await expectDone(last.executionArn);
  });
});
