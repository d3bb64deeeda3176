import { describe, expect, test } from 'vitest';
import { definition, endpoint, fn, invoke, runOnce, type States } from './endpoint.ts';

const pass = { Type: 'Pass', End: true };

describe('events of a state', () => {
  const f = fn('f', () => ({ state: 'done' }));

  test.each<[string, States, number]>([
    ['a Lambda task is 5', { A: invoke('f') }, 5],
    [
      'a Choice is 2',
      { A: { Type: 'Choice', Choices: [{ Condition: true, Next: 'S' }] }, S: { Type: 'Succeed' } },
      2 + 2,
    ],
    ['a Wait is 2', { A: { Type: 'Wait', Seconds: 0, End: true } }, 2],
    ['a Pass is 2', { A: pass }, 2],
    ['a Succeed is 2', { A: { Type: 'Succeed' } }, 2],
    ['a Fail is 1', { A: { Type: 'Fail' } }, 1],
    [
      'an inline Map is 4 + 2 per item + its states’ own',
      {
        A: { Type: 'Map', Items: [1, 2, 3], ItemProcessor: { StartAt: 'B', States: { B: pass } }, End: true },
      },
      4 + 3 * 2 + 3 * 2,
    ],
  ])('%s', async (_, states, events) => {
    const ran = await runOnce(definition(states), {}, { functions: [f] });
    expect(ran.events).toHaveLength(events + 2); // the start and the end
  });

  test('a loop of Task, Choice and Wait is 9 events and 3 transitions', async () => {
    let slices = 0;
    const slice = fn('f', () => ({ state: ++slices < 10 ? 'more' : 'done' }));
    const loop = definition({
      Run: invoke('f', { Next: 'Far' }),
      Far: {
        Type: 'Choice',
        Choices: [{ Condition: "{% $states.input.state = 'more' %}", Next: 'Rest' }],
        Default: 'Done',
      },
      Rest: { Type: 'Wait', Seconds: 0, Next: 'Run' },
      Done: { Type: 'Succeed' },
    });
    const ran = await runOnce(loop, {}, { functions: [slice] });
    expect(ran.events).toHaveLength(2 + 9 * 9 + 7 + 2);
    expect(ran.transitions).toBe(9 * 3 + 2 + 1);
  });
});

test('a task reads as on AWS', async () => {
  const ran = await runOnce(
    definition({ Ask: invoke('f', { TimeoutSeconds: 60, Assign: { n: 1 }, End: true }) }),
    { a: 1 },
    { functions: [fn('f', () => 'done')] },
  );
  const about = { resourceType: 'lambda', resource: 'invoke' };
  const truncated = { truncated: false };
  expect(ran.events.map(({ timestamp, ...event }) => event)).toEqual([
    {
      id: 1,
      previousEventId: 0,
      type: 'ExecutionStarted',
      executionStartedEventDetails: {
        input: '{"a":1}',
        inputDetails: truncated,
        roleArn: 'arn:aws:iam::123456789012:role/probe',
      },
    },
    {
      id: 2,
      previousEventId: 0, // as recorded on AWS
      type: 'TaskStateEntered',
      stateEnteredEventDetails: { name: 'Ask', input: '{"a":1}', inputDetails: truncated },
    },
    {
      id: 3,
      previousEventId: 2,
      type: 'TaskScheduled',
      taskScheduledEventDetails: {
        ...about,
        region: 'eu-central-1',
        parameters: '{"FunctionName":"f","Payload":{"a":1}}',
        timeoutInSeconds: 60,
      },
    },
    { id: 4, previousEventId: 3, type: 'TaskStarted', taskStartedEventDetails: about },
    {
      id: 5,
      previousEventId: 4,
      type: 'TaskSucceeded',
      taskSucceededEventDetails: {
        ...about,
        output: '{"ExecutedVersion":"$LATEST","Payload":"done","StatusCode":200}',
        outputDetails: truncated,
      },
    },
    {
      id: 6,
      previousEventId: 5,
      type: 'TaskStateExited',
      stateExitedEventDetails: {
        name: 'Ask',
        output: '"done"',
        outputDetails: truncated,
        assignedVariables: { n: '1' },
        assignedVariablesDetails: truncated,
      },
    },
    {
      id: 7,
      previousEventId: 6,
      type: 'ExecutionSucceeded',
      executionSucceededEventDetails: { output: '"done"', outputDetails: truncated },
    },
  ]);
  expect(ran.events.every(({ timestamp }) => timestamp instanceof Date)).toBe(true);
});

test('event 25,000 ends the execution for good: nothing catches it, and it cannot be redriven', async () => {
  const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }];
  const forever = {
    A: { Type: 'Pass', Next: 'B' },
    B: { Type: 'Choice', Choices: [{ Condition: true, Next: 'A' }], Default: 'C' },
    C: { Type: 'Succeed' },
  };
  const sfn = await endpoint({
    probe: definition({
      Each: { Type: 'Map', Items: [1], ItemProcessor: { StartAt: 'A', States: forever }, Catch, End: true },
      Caught: pass,
    }),
  });
  const ran = await sfn.run('probe');
  expect(ran.events).toHaveLength(25_000);
  expect(ran).toMatchObject({
    status: 'FAILED',
    error: 'States.Runtime',
    cause: 'The execution reached the maximum number of history events (25000).',
    redriveStatus: 'NOT_REDRIVABLE',
    redriveStatusReason: 'Execution history event limit exceeded',
  });
  expect(ran.events.at(-1)?.type).toBe('ExecutionFailed');
  await sfn[Symbol.asyncDispose]();
});
