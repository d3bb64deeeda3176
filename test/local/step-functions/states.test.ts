import { describe, expect, test } from 'vitest';
import { definition, fn, invoke, runOnce } from './endpoint.ts';

describe('Pass', () => {
  test('gives its input, or its Output', async () => {
    const ran = await runOnce(
      definition({
        Through: { Type: 'Pass', Next: 'Made' },
        Made: { Type: 'Pass', Output: { doubled: '{% $states.input.n * 2 %}', kept: 'as is' }, End: true },
      }),
      { n: 21 },
    );
    expect(ran.result).toEqual({ doubled: 42, kept: 'as is' });
  });

  test('assigns and gives with the values at entry: neither sees the other', async () => {
    const ran = await runOnce(
      definition({
        One: { Type: 'Pass', Assign: { n: 1 }, Next: 'Two' },
        Two: {
          Type: 'Pass',
          Assign: { n: '{% $n + 1 %}', before: '{% $n %}' },
          Output: '{% $n %}',
          Next: 'Three',
        },
        Three: { Type: 'Pass', Output: '{% [$states.input, $n, $before] %}', End: true },
      }),
    );
    expect(ran.result).toEqual([1, 2, 1]);
  });
});

describe('Choice', () => {
  const choosing = definition({
    Size: {
      Type: 'Choice',
      Choices: [
        {
          Condition: '{% $states.input.n > 100 %}',
          Assign: { size: 'large' },
          Output: '{% $states.input.n %}',
          Next: 'Done',
        },
        { Condition: '{% $states.input.n > 10 %}', Next: 'Done' },
      ],
      Default: 'Done',
      Assign: { size: 'small' },
      Output: 'by default',
    },
    Done: { Type: 'Pass', Output: '{% [$states.input, $exists($size) ? $size : null] %}', End: true },
  });

  test('takes the first rule that matches, with that rule’s own Assign and Output', async () => {
    expect((await runOnce(choosing, { n: 101 })).result).toEqual([101, 'large']);
    expect((await runOnce(choosing, { n: 11 })).result).toEqual([{ n: 11 }, null]);
  });

  test('takes the default with the state’s own Assign and Output', async () => {
    expect((await runOnce(choosing, { n: 1 })).result).toEqual(['by default', 'small']);
  });

  test('without a match and without a default fails for good', async () => {
    const ran = await runOnce(
      definition({
        Which: { Type: 'Choice', Choices: [{ Condition: false, Next: 'Done' }] },
        Done: { Type: 'Succeed' },
      }),
    );
    expect(ran).toMatchObject({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: expect.stringContaining("executing the state 'Which' (entered at the event id #2)"),
    });
  });

  test('takes nothing but true for true', async () => {
    const ran = await runOnce(
      definition({
        Which: { Type: 'Choice', Choices: [{ Condition: "{% 'yes' %}", Next: 'Done' }] },
        Done: { Type: 'Succeed' },
      }),
    );
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});

describe('Wait', () => {
  test('waits as long as its expression says', async () => {
    const waiting = definition({ Rest: { Type: 'Wait', Seconds: '{% $states.input.rest %}', End: true } });
    const started = performance.now();
    const ran = await runOnce(waiting, { rest: 20 }, { secondMs: 10 });
    expect(ran.result).toEqual({ rest: 20 });
    expect(performance.now() - started).toBeGreaterThan(195);
  });

  test('until a time that has passed goes on at once', async () => {
    const until = definition({ Rest: { Type: 'Wait', Timestamp: '2020-01-01T00:00:00Z', End: true } });
    expect((await runOnce(until)).status).toBe('SUCCEEDED');
  });

  test.each([['{% -1 %}'], ['{% 0.5 %}'], ["{% '5' %}"]])('for %s seconds is an error', async (Seconds) => {
    const ran = await runOnce(definition({ Rest: { Type: 'Wait', Seconds, End: true } }));
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});

describe('Succeed and Fail', () => {
  test('Succeed ends with its Output', async () => {
    expect((await runOnce(definition({ Done: { Type: 'Succeed', Output: 'skipped' } }))).result).toBe(
      'skipped',
    );
  });

  test('Fail ends with its Error and Cause, which may be expressions', async () => {
    const failing = definition({
      Failed: {
        Type: 'Fail',
        Error: '{% $states.input.error %}',
        Cause: "{% 'because ' & $states.input.error %}",
      },
    });
    expect(await runOnce(failing, { error: 'MigrationFailed' })).toMatchObject({
      status: 'FAILED',
      error: 'MigrationFailed',
      cause: 'because MigrationFailed',
    });
  });
});

describe('Task', () => {
  test('invokes a function and sees what the service answered', async () => {
    const ran = await runOnce(
      definition({
        Ask: {
          Type: 'Task',
          Resource: 'arn:aws:states:::lambda:invoke',
          Arguments: { FunctionName: 'double', Payload: { n: '{% $states.input.n %}' } },
          Assign: { status: '{% $states.result.StatusCode %}' },
          End: true,
        },
      }),
      { n: 4 },
      { functions: [fn('double', ({ n }: { n: number }) => n * 2, '3')] },
    );
    expect(ran.result).toEqual({ ExecutedVersion: '3', Payload: 8, StatusCode: 200 });
  });

  test('invokes the version it names, whatever was deployed since', async () => {
    const functions = [fn('f', () => 'new', '2'), fn('f', () => 'old', '1')];
    const versioned = (name: string) => runOnce(definition({ Ask: invoke(name) }), {}, { functions });
    expect((await versioned('arn:aws:lambda:eu-central-1:123456789012:function:f:1')).result).toBe('old');
    expect((await versioned('arn:aws:lambda:eu-central-1:123456789012:function:f:2')).result).toBe('new');
    expect((await versioned('f')).result).toBe('new');
    expect(await versioned('f:3')).toMatchObject({
      status: 'FAILED',
      error: 'Lambda.ResourceNotFoundException',
    });
  });

  test('gives up at its TimeoutSeconds, without a cause, and does not stop the function', async () => {
    let finished = false;
    const slow = fn('slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1200));
      finished = true;
    });
    const ran = await runOnce(
      definition({ Ask: invoke('slow', { TimeoutSeconds: 1, End: true }) }),
      {},
      { functions: [slow] },
    );
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
    expect(ran.cause).toBeUndefined();
    expect(ran.types.slice(-2)).toEqual(['TaskTimedOut', 'ExecutionFailed']);
    await expect.poll(() => finished).toBe(true);
  });
});

describe('Parallel', () => {
  test('gives the outputs of its branches in their order, and each may read outer variables', async () => {
    const branch = (name: string, seconds: number) => ({
      StartAt: name,
      States: { [name]: { Type: 'Wait', Seconds: seconds, Output: `{% $prefix & '${name}' %}`, End: true } },
    });
    const ran = await runOnce(
      definition({
        Set: { Type: 'Pass', Assign: { prefix: 'branch ' }, Next: 'Both' },
        Both: { Type: 'Parallel', Branches: [branch('A', 5), branch('B', 0)], End: true },
      }),
    );
    expect(ran.result).toEqual(['branch A', 'branch B']);
  });
});

describe('$states.context', () => {
  test('knows the execution, the machine and the state', async () => {
    const ran = await runOnce(
      definition({ Look: { Type: 'Pass', Output: '{% $states.context %}', End: true } }),
      { a: 1 },
    );
    expect(ran.result).toEqual({
      Execution: {
        Id: ran.executionArn,
        Input: { a: 1 },
        Name: ran.name,
        RoleArn: 'arn:aws:iam::123456789012:role/probe',
        StartTime: ran.startDate?.toISOString(),
      },
      State: { Name: 'Look', EnteredTime: expect.stringMatching(/^\d{4}-.*Z$/), RetryCount: 0 },
      StateMachine: { Id: 'arn:aws:states:eu-central-1:123456789012:stateMachine:probe', Name: 'probe' },
    });
  });
});
