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
  next_executions: [expect.stringMatching(/:execution:rebuild-employee-projections:/)],
};

/** Every row changed once, one rebuild, called like the run and after it. */
async function expectDone(run: string | undefined): Promise<void> {
  expect(
    await chain.database.query('SELECT in_sql, in_code, count(*)::int AS rows FROM counters GROUP BY 1, 2'),
  ).toEqual([{ in_sql: 1, in_code: 1, rows }]);
  const started = (await rebuilds()).slice(earlier.rebuilds);
  expect(started.map(executionName)).toEqual([executionName(String(run))]);
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

/** The parts of a run that were started, by the end of their names. */
const partsOf = async (run: string): Promise<string[]> =>
  (await runs()).slice(earlier.runs).filter((arn) => arn.startsWith(`${run}-part-`));

describe('promises 9 and 12: a long run', () => {
  test('is one execution that runs until all is done, waits for its parts, and has the whole result', async () => {
    const run = await chain.ended(await chain.start());
    expect({ status: run.status, result: run.result }).toEqual({ status: 'SUCCEEDED', result: complete });

    const first = String(run.executionArn);
    const parts = await partsOf(first);
    // 1 + 2 × 6 slices that each do a page, and 2 that find the end; the first execution has the first of them.
    expect(parts.map(executionName)).toEqual(
      Array.from(
        { length: Math.ceil(15 / slicesPerExecution) - 1 },
        (_, i) => `${executionName(first)}-part-${i + 2}`,
      ),
    );
    for (const [i, part] of parts.entries()) {
      const { input = '', status, startDate, stopDate } = await chain.describe(part);
      expect(JSON.parse(input)).toMatchObject({
        part_of: { execution_arn: first, redrive_count: 0, part: i + 2 },
        AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: first,
      });
      expect(status).toBe('SUCCEEDED');
      // Within the time of the run.
      expect(Number(startDate)).toBeGreaterThanOrEqual(Number(run.startDate));
      expect(Number(stopDate)).toBeLessThanOrEqual(Number(run.stopDate));
    }
    let rests = 0;
    for (const execution of [first, ...parts]) {
      const history = await chain.history(execution);
      rests += history.filter((event) => event.stateEnteredEventDetails?.name?.startsWith('Rest')).length;
      const slices = history.filter((event) => event.stateEnteredEventDetails?.name === 'Run batches').length;
      expect(slices).toBeLessThanOrEqual(slicesPerExecution);
      // What is not a slice: open, close, and three migrations asked; and 8 for each part that the first one waits for.
      expect(history.length).toBeLessThanOrEqual(slices * 9 + 80 + parts.length * 8);
    }
    expect(rests, 'one after each page, also at the end of a part').toBe(12);
    await expectDone(first);
  });

  test('promise 10: keeps the code that it started with in all of its parts, though another was deployed', async () => {
    chain.between.invocation = async (request, invoke) => {
      if (request.operation === 'batches') {
        chain.between.invocation = undefined;
        // The next release adds a hundred, and knows only one of the migrations.
        chain.release('counter-next', '2');
      }
      return invoke();
    };
    const run = await chain.run();
    expect({ status: run.status, result: run.result }).toEqual({ status: 'SUCCEEDED', result: complete });
    expect((await partsOf(String(run.executionArn))).length).toBeGreaterThan(1);
    await expectDone(run.executionArn);
  });

  test('that fails in a part fails as a whole, with the error and the cause of that part and what was finished before', async () => {
    await chain.database.query('ALTER TABLE counters RENAME COLUMN in_code TO in_js');
    const { status, error, cause, executionArn } = await chain.run();
    await chain.database.query('ALTER TABLE counters RENAME COLUMN in_js TO in_code');
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'MigrationFailed' });
    expect(cause).toMatch(/^migration "add-one-in-code", table counters: has no column in_code/);
    expect(cause).toContain('Before it, this run finished employee-event-payloads, add-one-in-sql');
    const parts = await partsOf(String(executionArn));
    expect(await chain.describe(String(parts.at(-1)))).toMatchObject({ status: 'FAILED', error });
    const items = (await chain.history(String(executionArn))).flatMap(
      ({ stateExitedEventDetails: exited }) =>
        exited?.name === 'Migrated' ? [JSON.parse(exited.output ?? '')] : [],
    );
    expect(items[0]).toEqual({ 'employee-event-payloads': counted(10) });
  });

  test('that was stopped stops the part that it waits for, and goes on in another when it is redriven', async () => {
    const stopped = stoppedIn(2);
    const run = await chain.start();
    await stopped;
    const [part = ''] = await partsOf(run);
    expect((await chain.ended(part)).status).toBe('ABORTED');
    await chain.redrive(run);
    const ended = await chain.ended(run);
    expect({ status: ended.status, result: ended.result }).toEqual({ status: 'SUCCEEDED', result: complete });
    expect((await partsOf(run)).map(executionName)).toContain(`${executionName(run)}-part-2-redrive-1`);
    await expectDone(run);
  });

  test('whose part was stopped by hand fails and says so, and the next start goes on from the checkpoints', async () => {
    const stopped = stoppedIn(2, 'part');
    const run = await chain.start();
    await stopped;
    const { status, error, cause } = await chain.ended(run);
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'PartStopped' });
    expect(cause).toContain(`${run}-part-2, a part of this run, is ABORTED`);
    const next = await chain.run();
    expect(next.status).toBe('SUCCEEDED');
    await expectDone(next.executionArn);
  });

  test('that was stopped in its last slice before a part is taken over by the next start', async () => {
    const { stopped } = stopAfter('close');
    await chain.start();
    await stopped;
    const next = await chain.run();
    expect({ status: next.status, result: next.result }).toEqual({
      status: 'SUCCEEDED',
      result: { ...complete, 'employee-event-payloads': 'skipped' },
    });
    await expectDone(next.executionArn);
  });

  /** Stops the run, or its part, when this part is at its batches. */
  function stoppedIn(part: number, which: 'run' | 'part' = 'run'): Promise<void> {
    return new Promise((resolve) => {
      chain.between.invocation = async (request, invoke) => {
        if (request.operation === 'batches' && request.run.part === part) {
          chain.between.invocation = undefined;
          const { execution_arn: run } = request.run;
          await chain.stop(which === 'run' ? run : `${run}-part-${part}`);
          resolve();
        }
        return invoke();
      };
    });
  }

  test('promise 4: refuses another start whichever part is at work, and names the run', async () => {
    const refused: (readonly [number, string])[] = [];
    const rivals = new Set<string>();
    chain.between.invocation = async (request, invoke) => {
      if (request.operation === 'batches' && !rivals.has(request.run.execution_arn)) {
        const rival = await chain.start();
        rivals.add(rival);
        const { error, cause = '' } = await chain.ended(rival);
        refused.push([request.run.part, `${error}: ${cause}`]);
      }
      return invoke();
    };
    const run = await chain.run();
    expect({ status: run.status, result: run.result }).toEqual({ status: 'SUCCEEDED', result: complete });
    expect(new Set(refused.map(([part]) => part)).size).toBe(Math.ceil(15 / slicesPerExecution));
    for (const [, answer] of refused) {
      expect(answer).toContain(`MigrationsAlreadyRunning: the run ${run.executionArn} holds the ledger`);
    }
    await expectDone(run.executionArn);
  });
});
