import { describe, expect, test } from 'vitest';
import { definition, fn, invoke, runOnce } from './endpoint.ts';

/** Fails with the error names in turn, then succeeds. */
function failing(...names: string[]) {
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    functions: [
      fn('f', () => {
        const name = names[calls++];
        if (name !== undefined) {
          throw Object.assign(new Error(`call ${calls}`), { name });
        }
        return calls;
      }),
    ],
  };
}

const done = { Type: 'Pass', End: true };

describe('Retry', () => {
  test('tries again as often as its retrier says, and each retrier counts for itself', async () => {
    const f = failing('A', 'B', 'A', 'B');
    const Retry = [
      { ErrorEquals: ['A'], MaxAttempts: 2 },
      { ErrorEquals: ['B'], MaxAttempts: 2 },
    ];
    expect((await runOnce(definition({ Ask: invoke('f', { Retry, End: true }) }), {}, f)).result).toBe(5);
  });

  test('waits longer each time, up to its longest delay', async () => {
    const Retry = [
      { ErrorEquals: ['A'], IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 5, MaxAttempts: 4 },
    ];
    const machine = definition({ Ask: invoke('f', { Retry, End: true }) });
    const secondMs = 50;
    const waits = async () => {
      const { events } = await runOnce(machine, {}, { ...failing('A', 'A', 'A', 'A'), secondMs });
      const at = (wanted: string) =>
        events.filter(({ type }) => type === wanted).map(({ timestamp }) => Number(timestamp));
      const [, ...tried] = at('TaskScheduled');
      const failed = at('TaskFailed');
      return tried.map((again, i) => Math.round((again - Number(failed[i])) / secondMs));
    };
    // A busy machine may wake one of them late, but not in each execution.
    await expect.poll(waits, { timeout: 30_000 }).toEqual([2, 4, 5, 5]);
  });

  test('gives up with the last error', async () => {
    const f = failing('A', 'A');
    const Retry = [{ ErrorEquals: ['A'], MaxAttempts: 1 }];
    expect(await runOnce(definition({ Ask: invoke('f', { Retry, End: true }) }), {}, f)).toMatchObject({
      status: 'FAILED',
      error: 'A',
      cause: '{"errorType":"A","errorMessage":"call 2"}',
    });
  });

  test('with no attempts keeps a later retrier from trying', async () => {
    const f = failing('A');
    const Retry = [{ ErrorEquals: ['A'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }];
    expect(await runOnce(definition({ Ask: invoke('f', { Retry, End: true }) }), {}, f)).toMatchObject({
      error: 'A',
    });
    expect(f.calls).toBe(1);
  });

  test('costs three events and one transition each time, and counts in the context', async () => {
    const f = failing('A');
    const Retry = [{ ErrorEquals: ['A'] }];
    const Output = '{% $states.context.State.RetryCount %}';
    const ran = await runOnce(definition({ Ask: invoke('f', { Retry, Output, End: true }) }), {}, f);
    expect(ran.result).toBe(1);
    expect(ran.types).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      ...['TaskScheduled', 'TaskStarted', 'TaskFailed'],
      ...['TaskScheduled', 'TaskStarted', 'TaskSucceeded'],
      'TaskStateExited',
      'ExecutionSucceeded',
    ]);
    expect(ran.transitions).toBe(2);
  });
});

describe('Catch', () => {
  test('goes its own way with its own Assign and Output, from the error', async () => {
    const Catch = [
      {
        ErrorEquals: ['MigrationFailed'],
        Assign: { error: '{% $states.errorOutput.Error %}' },
        Output: '{% $parse($states.errorOutput.Cause).errorMessage %}',
        Next: 'Show',
      },
    ];
    const ran = await runOnce(
      definition({
        Ask: invoke('f', { Catch, Assign: { error: 'not this' }, End: true }),
        Show: { ...done, Output: '{% [$states.input, $error] %}' },
      }),
      {},
      failing('MigrationFailed'),
    );
    expect(ran.result).toEqual(['call 1', 'MigrationFailed']);
  });

  test('without an Output gives Error and Cause', async () => {
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'Done' }];
    const ran = await runOnce(
      definition({ Ask: invoke('f', { Catch, End: true }), Done: done }),
      {},
      failing('E'),
    );
    expect(ran.result).toEqual({ Error: 'E', Cause: '{"errorType":"E","errorMessage":"call 1"}' });
  });

  test.each([
    ['States.TaskFailed', 'Anything', 'SUCCEEDED'],
    ['States.TaskFailed', 'States.Timeout', 'FAILED'],
    ['States.ALL', 'States.Timeout', 'SUCCEEDED'],
    ['States.ALL', 'States.Runtime', 'FAILED'],
    ['States.Runtime', 'States.Runtime', 'FAILED'],
    ['Other', 'Anything', 'FAILED'],
  ])('of %s and an error %s: %s', async (name, error, status) => {
    const Catch = [{ ErrorEquals: [name], Next: 'Done' }];
    const ran = await runOnce(
      definition({ Ask: invoke('f', { Catch, End: true }), Done: done }),
      {},
      failing(error),
    );
    expect(ran.status).toBe(status);
  });

  test('catches a wrong expression of its state, but not of its own', async () => {
    const Catch = [{ ErrorEquals: ['States.QueryEvaluationError'], Next: 'Done' }];
    const wrong = (more: object) =>
      definition({
        Ask: invoke('f', { Catch, Output: '{% $states.result.absent %}', End: true, ...more }),
        Done: done,
      });
    expect((await runOnce(wrong({}), {}, failing())).status).toBe('SUCCEEDED');
    const own = { Catch: [{ ...Catch[0], Output: '{% $states.errorOutput.absent %}' }] };
    expect(await runOnce(wrong(own), {}, failing())).toMatchObject({
      status: 'FAILED',
      error: 'States.QueryEvaluationError',
    });
  });
});

test('a wrong expression is an event that says which, where and in which state', async () => {
  const ran = await runOnce(definition({ A: { ...done, Output: { deep: '{% $states.input.absent %}' } } }));
  const cause =
    "An error occurred while executing the state 'A' (entered at the event id #2). " +
    "The JSONata expression '$states.input.absent' specified for the field 'Output/deep' returned nothing (undefined).";
  expect(ran).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError', cause });
  expect(ran.types).toEqual(['ExecutionStarted', 'PassStateEntered', 'EvaluationFailed', 'ExecutionFailed']);
  expect(ran.events[2]?.evaluationFailedEventDetails).toEqual({
    error: 'States.QueryEvaluationError',
    cause,
    location: 'Output/deep',
    state: 'A',
  });
});

describe('256 KiB', () => {
  const large = fn('f', () => 'x'.repeat(262_144));
  const Catch = (name: string) => [{ ErrorEquals: [name], Next: 'Done' }];
  const asking = (name: string) =>
    definition({ Ask: invoke('f', { Catch: Catch(name), End: true }), Done: done });

  test('bound a task’s result: it fails as a task, and only its own name catches it', async () => {
    const caught = await runOnce(asking('States.DataLimitExceeded'), {}, { functions: [large] });
    expect(caught.types).toContain('TaskFailed');
    expect(caught.result).toEqual({
      Error: 'States.DataLimitExceeded',
      Cause:
        "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
    });
    const notCaught = await runOnce(asking('States.ALL'), {}, { functions: [large] });
    expect(notCaught).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });

  test('bound an output and an assignment', async () => {
    const twice = '{% $join([1..18].$states.input) %}';
    const input = 'ä'.repeat(8000); // 16,000 bytes: 18 times is more than 256 KiB only when bytes are counted
    for (const field of [{ Output: twice }, { Assign: { a: twice } }]) {
      expect(await runOnce(definition({ A: { ...done, ...field } }), input)).toMatchObject({
        status: 'FAILED',
        error: 'States.DataLimitExceeded',
      });
    }
  });
});

test('an execution that runs longer than its machine’s TimeoutSeconds ends TIMED_OUT', async () => {
  const waiting = definition({ Wait: { Type: 'Wait', Seconds: 1000, End: true } }, { TimeoutSeconds: 1 });
  const ran = await runOnce(waiting);
  expect(ran).toMatchObject({ status: 'TIMED_OUT', redriveStatus: 'REDRIVABLE' });
  expect(ran.error).toBeUndefined();
  expect(ran.events.at(-1)).toMatchObject({
    type: 'ExecutionTimedOut',
    executionTimedOutEventDetails: { error: 'States.Timeout' },
  });
});

test('a task started with what it does not take fails for good', async () => {
  const Arguments = "{% {'Function': 'f'} %}";
  const ran = await runOnce(definition({ Ask: invoke('f', { Arguments, End: true }) }));
  expect(ran).toMatchObject({
    status: 'FAILED',
    error: 'States.Runtime',
    cause: expect.stringContaining("The field 'FunctionName' is required but was missing"),
  });
});
