import { describe, expect, test } from 'vitest';
import { definition, fn, invoke, runOnce, type States } from './endpoint.ts';

const pass = { Type: 'Pass', End: true };

function each(states: States, more: Readonly<Record<string, unknown>> = { End: true }) {
  return {
    Type: 'Map',
    Items: '{% $states.input %}',
    ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, StartAt: Object.keys(states)[0], States: states },
    ...more,
  };
}

describe('Map', () => {
  test('runs its states for each item and gives their outputs in the items’ order', async () => {
    const slowFirst = {
      Type: 'Wait',
      Seconds: '{% 3 - $states.input %}',
      Output: '{% $states.input * 10 %}',
      End: true,
    };
    expect((await runOnce(definition({ Each: each({ A: slowFirst }) }), [1, 2, 3])).result).toEqual([
      10, 20, 30,
    ]);
  });

  test('may have no items', async () => {
    const ran = await runOnce(definition({ Each: each({ A: pass }) }), []);
    expect(ran.result).toEqual([]);
    expect(ran.events).toHaveLength(2 + 4);
  });

  test('takes no more than MaxConcurrency at a time', async () => {
    let [now, most] = [0, 0];
    const f = fn('f', async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now -= 1;
    });
    const items = Array.from({ length: 9 }, (_, i) => i);
    for (const [MaxConcurrency, expected] of [
      [1, 1],
      ['{% 3 %}', 3],
      [0, 9],
    ] as const) {
      most = 0;
      const machine = definition({ Each: each({ A: invoke('f') }, { MaxConcurrency, End: true }) });
      await runOnce(machine, items, { functions: [f] });
      expect(most).toBe(expected);
    }
  });

  test('selects what an item gets, and tells its index and value', async () => {
    const ItemSelector = {
      index: '{% $states.context.Map.Item.Index %}',
      value: '{% $states.context.Map.Item.Value %}',
      of: '{% $count($states.input) %}',
    };
    const look = { ...pass, Output: '{% [$states.input, $states.context.Map.Item.Index] %}' };
    const ran = await runOnce(definition({ Each: each({ A: look }, { ItemSelector, End: true }) }), [
      'a',
      'b',
    ]);
    expect(ran.result).toEqual([
      [{ index: 0, value: 'a', of: 2 }, 0],
      [{ index: 1, value: 'b', of: 2 }, 1],
    ]);
  });

  test('lets its items read outer variables and keep their own', async () => {
    const states = {
      A: { Type: 'Pass', Assign: { own: '{% $states.input + $outer %}' }, Next: 'B' },
      B: { ...pass, Output: '{% $own %}' },
    };
    const ran = await runOnce(
      definition({
        Set: { Type: 'Pass', Assign: { outer: 100 }, Next: 'Each' },
        Each: each(states, { Next: 'After' }),
        After: { ...pass, Output: { all: '{% $states.input %}', own: '{% $exists($own) %}' } },
      }),
      [1, 2],
    );
    expect(ran.result).toEqual({ all: [101, 102], own: false });
  });

  test('takes a single item that is no list for what it is: an error', async () => {
    const Items = '{% $states.input[n > 2] %}';
    const ran = await runOnce(definition({ Each: each({ A: pass }, { Items, End: true }) }), [
      { n: 1 },
      { n: 3 },
    ]);
    expect(ran).toMatchObject({
      status: 'FAILED',
      error: 'States.QueryEvaluationError',
      cause: expect.stringContaining("'Items' must be an array"),
    });
  });
});

describe('an item that fails', () => {
  const failing = fn('f', (n: number) => {
    if (n === 2) {
      throw Object.assign(new Error('two'), { name: 'MigrationFailed' });
    }
    return n;
  });

  test('hands its error and cause to the Map’s Catch', async () => {
    const Catch = [{ ErrorEquals: ['MigrationFailed'], Next: 'Record' }];
    const machine = definition({
      Each: each({ A: invoke('f') }, { Catch, MaxConcurrency: 1, End: true }),
      Record: pass,
    });
    const ran = await runOnce(machine, [1, 2, 3], { functions: [failing] });
    expect(ran.result).toEqual({
      Error: 'MigrationFailed',
      Cause: '{"errorType":"MigrationFailed","errorMessage":"two"}',
    });
    expect(ran.types.slice(-8)).toEqual([
      'TaskFailed',
      'MapIterationFailed',
      'TaskStateAborted',
      'MapStateFailed',
      'MapStateExited',
      'PassStateEntered',
      'PassStateExited',
      'ExecutionSucceeded',
    ]);
  });

  test('by a Fail state is told like any other error', async () => {
    const stop = { Type: 'Fail', Error: 'Stop', Cause: 'here' };
    const ran = await runOnce(definition({ Each: each({ A: stop }) }), [1]);
    expect(ran).toMatchObject({ status: 'FAILED', error: 'Stop', cause: 'here' });
  });

  test('cuts off the others where they are', async () => {
    const states = {
      Which: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.input = 2 %}', Next: 'Ask' }],
        Default: 'Wait',
      },
      Ask: invoke('f'),
      Wait: { Type: 'Wait', Seconds: 1000, End: true },
    };
    const ran = await runOnce(definition({ Each: each(states) }), [1, 2, 3], { functions: [failing] });
    const failed = ran.events.find(({ type }) => type === 'TaskFailed')?.id;
    expect(ran.types.slice(-8)).toEqual([
      ...['MapIterationFailed', 'TaskStateAborted'],
      ...['MapIterationAborted', 'WaitStateAborted'],
      ...['MapIterationAborted', 'WaitStateAborted'],
      ...['MapStateFailed', 'ExecutionFailed'],
    ]);
    expect(ran.events.slice(-8, -1).map(({ previousEventId }) => previousEventId)).toEqual(
      Array(7).fill(failed),
    );
    expect(ran.events.at(-8)?.mapIterationFailedEventDetails).toEqual({ name: 'Each', index: 1 });
  });

  test('is tried again with all the others when the Map has a Retry', async () => {
    let calls = 0;
    const flaky = fn('f', () => {
      calls += 1;
      if (calls === 2) {
        throw Object.assign(new Error(), { name: 'E' });
      }
      return calls;
    });
    const Retry = [{ ErrorEquals: ['E'] }];
    const machine = definition({ Each: each({ A: invoke('f') }, { Retry, MaxConcurrency: 1, End: true }) });
    expect((await runOnce(machine, [1, 2], { functions: [flaky] })).result).toEqual([3, 4]);
  });
});

test('a branch of a Parallel that fails cuts off the others and fails the whole', async () => {
  const branch = (name: string, state: object) => ({ StartAt: name, States: { [name]: state } });
  const Branches = [
    branch('A', { Type: 'Wait', Seconds: 1000, End: true }),
    branch('B', { Type: 'Fail', Error: 'Stop' }),
  ];
  const Catch = [{ ErrorEquals: ['Stop'], Output: 'caught', Next: 'Done' }];
  const ran = await runOnce(
    definition({ Both: { Type: 'Parallel', Branches, Catch, End: true }, Done: pass }),
  );
  expect(ran.result).toBe('caught');
  expect(ran.types.slice(-7)).toEqual([
    'FailStateEntered',
    'WaitStateAborted',
    'ParallelStateFailed',
    'ParallelStateExited',
    'PassStateEntered',
    'PassStateExited',
    'ExecutionSucceeded',
  ]);
});
