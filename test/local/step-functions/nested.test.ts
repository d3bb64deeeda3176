import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Account } from '../../../local/step-functions/account.ts';
import { definition, endpoint, fn, invoke, machineArn } from './endpoint.ts';

const resource = 'arn:aws:states:::states:startExecution.sync:2';

/** A Task that runs the machine `child` and waits for its end. */
function runChild(more: Readonly<Record<string, unknown>> = {}) {
  const Arguments = { StateMachineArn: machineArn('child'), Name: 'once', Input: '{% $states.input %}' };
  return { Type: 'Task', Resource: resource, Arguments, End: true, ...more };
}

const childArn = 'arn:aws:states:eu-central-1:123456789012:execution:child:once';
const parent = definition({ Run: runChild() });
const pass = { Type: 'Pass', End: true };
const forever = definition({ Rest: { Type: 'Wait', Seconds: 100_000, End: true } });
const failing = definition({ Fail: { Type: 'Fail', Error: 'Broken', Cause: 'by design' } });

type Endpoint = Awaited<ReturnType<typeof endpoint>>;

/** An endpoint that closes when the test ends, even if it fails: a task may wait for what never ends. */
async function opened(...options: Parameters<typeof endpoint>): Promise<Endpoint> {
  const sfn = await endpoint(...options);
  onTestFinished(() => sfn[Symbol.asyncDispose]());
  return sfn;
}

/** Expects that a child was stopped for its parent: without an error, as on AWS. */
async function expectStopped(sfn: Endpoint, arn: string, parentArn: unknown): Promise<void> {
  const { status, error, cause } = await sfn.ended(arn);
  expect({ status, error, cause }).toEqual({
    status: 'ABORTED',
    cause: `The Task state in AWS Step Functions execution [${parentArn}] which was managing this resource was aborted`,
  });
}

describe('a task that waits for an execution', () => {
  test('gets its description, with input and output as JSON', async () => {
    const child = definition({ Double: { ...pass, Output: '{% {"twice": 2 * $states.input.n} %}' } });
    const sfn = await opened({ parent, child });
    const ran = await sfn.run('parent', { n: 21 });
    expect(ran.status).toBe('SUCCEEDED');
    const described = await sfn.client.send(new DescribeExecutionCommand({ executionArn: childArn }));
    expect(ran.result).toEqual({
      ExecutionArn: childArn,
      Input: { n: 21 },
      InputDetails: { Included: true },
      Name: 'once',
      Output: { twice: 42 },
      OutputDetails: { Included: true },
      RedriveCount: 0,
      RedriveStatus: 'NOT_REDRIVABLE',
      RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
      StartDate: described.startDate?.getTime(),
      StateMachineArn: machineArn('child'),
      Status: 'SUCCEEDED',
      StopDate: described.stopDate?.getTime(),
    });
    const names = Object.keys(ran.result as object);
    expect(names).toEqual([...names].sort());
  });

  test('is six events, one of them about the start', async () => {
    const sfn = await opened({ parent, child: definition({ A: pass }) });
    const { types, events, result } = await sfn.run('parent');
    expect(types).toEqual([
      'ExecutionStarted',
      ...['TaskStateEntered', 'TaskScheduled', 'TaskStarted'],
      ...['TaskSubmitted', 'TaskSucceeded', 'TaskStateExited'],
      'ExecutionSucceeded',
    ]);
    const { ExecutionArn, StartDate } = result as Readonly<Record<string, unknown>>;
    const about = { resourceType: 'states', resource: 'startExecution.sync:2' };
    expect(events[2]?.taskScheduledEventDetails).toMatchObject(about);
    expect(events[3]?.taskStartedEventDetails).toEqual(about);
    expect(events[4]).toMatchObject({
      previousEventId: 4,
      taskSubmittedEventDetails: {
        ...about,
        output: JSON.stringify({ ExecutionArn, StartDate }),
        outputDetails: { truncated: false },
      },
    });
    expect(events[5]).toMatchObject({
      previousEventId: 5,
      taskSucceededEventDetails: { ...about, output: JSON.stringify(result) },
    });
  });

  test('has submitted it while it waits, and wakes at once when it ends', async () => {
    let finish = () => {};
    const f = fn('f', () => new Promise<void>((resolve) => (finish = resolve)));
    const sfn = await opened({ parent, child: definition({ Ask: invoke('f') }) }, { functions: [f] });
    const arn = await sfn.start('parent');
    await expect.poll(async () => (await sfn.history(childArn)).at(-1)?.type).toBe('TaskStarted');
    expect((await sfn.history(arn)).at(-1)?.type).toBe('TaskSubmitted');
    finish();
    const { stopDate } = await sfn.ended(arn);
    const child = await sfn.ended(childArn);
    expect(Number(stopDate) - Number(child.stopDate)).toBeLessThan(1_000);
  });

  test('takes any JSON for its input, or its text; left out, it is an empty object', async () => {
    const Arguments = { StateMachineArn: machineArn('child') };
    const sfn = await opened({
      list: definition({ A: runChild({ Arguments: { ...Arguments, Input: [1, 'a', null] } }) }),
      text: definition({ A: runChild({ Arguments: { ...Arguments, Input: '{"a": 1}' } }) }),
      none: definition({ A: runChild({ Arguments }) }),
      child: definition({ A: pass }),
    });
    for (const [machine, input] of Object.entries({ list: [1, 'a', null], text: { a: 1 }, none: {} })) {
      expect((await sfn.run(machine)).result).toMatchObject({ Input: input, Output: input });
    }
  });

  test('is held to 256 KiB, with input and output counted together', async () => {
    const sfn = await opened({ parent, child: definition({ A: pass }) });
    const ran = await sfn.run('parent', ['x'.repeat(140_000)]);
    expect((await sfn.ended(childArn)).status).toBe('SUCCEEDED');
    expect(ran).toMatchObject({
      status: 'FAILED',
      error: 'States.DataLimitExceeded',
      cause: expect.stringContaining("The state/task 'states'"),
    });
    expect(ran.types).toContain('TaskFailed');
  });

  test('can run its own machine', async () => {
    const Arguments = {
      StateMachineArn: machineArn('countdown'),
      Input: '{% $states.input - 1 %}',
    };
    const countdown = definition({
      More: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.input = 0 %}', Next: 'Done' }],
        Default: 'Run',
      },
      Run: runChild({ Arguments, Output: '{% [$states.input, $states.result.Output] %}' }),
      Done: { ...pass, Output: ['go'] },
    });
    const sfn = await opened({ countdown });
    expect((await sfn.run('countdown', 3)).result).toEqual([3, 2, 1, 'go']);
    const listed = await sfn.client.send(
      new ListExecutionsCommand({ stateMachineArn: machineArn('countdown') }),
    );
    expect(listed.executions).toHaveLength(4);
  });
});

describe('an execution that does not succeed fails its task', () => {
  test('with States.TaskFailed, and its description as text', async () => {
    const sfn = await opened({ parent, child: failing });
    const ran = await sfn.run('parent', { n: 1 });
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    const cause = JSON.parse(String(ran.cause));
    expect(cause).toEqual({
      Cause: 'by design',
      Error: 'Broken',
      ExecutionArn: childArn,
      Input: '{"n":1}',
      InputDetails: { Included: true },
      Name: 'once',
      RedriveCount: 0,
      RedriveStatus: 'REDRIVABLE',
      StartDate: expect.any(Number),
      StateMachineArn: machineArn('child'),
      Status: 'FAILED',
      StopDate: expect.any(Number),
    });
    expect(Object.keys(cause)).toEqual(Object.keys(cause).sort());
    expect(ran.types.slice(3, 6)).toEqual(['TaskStarted', 'TaskSubmitted', 'TaskFailed']);
    expect(ran.events[5]?.taskFailedEventDetails).toEqual({
      resourceType: 'states',
      resource: 'startExecution.sync:2',
      error: 'States.TaskFailed',
      cause: ran.cause,
    });
  });

  test('when it times out', async () => {
    const child = definition({ Rest: { Type: 'Wait', Seconds: 1000, End: true } }, { TimeoutSeconds: 1 });
    const sfn = await opened({ parent, child });
    const { error, cause } = await sfn.run('parent');
    expect(error).toBe('States.TaskFailed');
    expect(JSON.parse(String(cause))).toMatchObject({ Status: 'TIMED_OUT' });
    expect(JSON.parse(String(cause))).not.toHaveProperty('Error');
  });

  test('when it is stopped by hand, and its redrive is nothing to the task any more', async () => {
    const child = definition({
      Rest: {
        Type: 'Wait',
        Seconds: '{% $exists($states.context.Execution.RedriveCount) ? 0 : 100000 %}',
        End: true,
      },
    });
    const sfn = await opened({ parent, child });
    const arn = await sfn.start('parent');
    await expect.poll(() => sfn.history(childArn)).toHaveLength(2);
    await sfn.client.send(
      new StopExecutionCommand({ executionArn: childArn, error: 'Manual', cause: 'enough' }),
    );
    await sfn.client.send(new RedriveExecutionCommand({ executionArn: childArn }));
    expect((await sfn.ended(childArn)).status).toBe('SUCCEEDED');
    const ran = await sfn.ended(arn);
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.TaskFailed' });
    expect(JSON.parse(String(ran.cause))).toMatchObject({
      Status: 'ABORTED',
      Error: 'Manual',
      Cause: 'enough',
      RedriveCount: 0,
    });
  });

  test.each([
    ['States.TaskFailed', 'SUCCEEDED'],
    ['States.ALL', 'SUCCEEDED'],
    ['States.Timeout', 'FAILED'],
    ['Broken', 'FAILED'],
  ])('and a Catch of %s makes it %s', async (name, status) => {
    const Catch = [{ ErrorEquals: [name], Next: 'Caught' }];
    const sfn = await opened({
      parent: definition({ Run: runChild({ Catch }), Caught: pass }),
      child: failing,
    });
    expect((await sfn.run('parent')).status).toBe(status);
  });

  test('and a retry of States.TaskFailed starts another one', async () => {
    let asked = 0;
    const f = fn('f', () => {
      if (++asked === 1) {
        throw new Error('not yet');
      }
    });
    const sfn = await opened(
      {
        parent: definition({
          Run: runChild({
            Arguments: { StateMachineArn: machineArn('child') },
            Retry: [{ ErrorEquals: ['States.TaskFailed'] }],
          }),
        }),
        child: definition({ Ask: invoke('f') }),
      },
      { functions: [f] },
    );
    const ran = await sfn.run('parent');
    expect(ran.status).toBe('SUCCEEDED');
    expect(ran.types.filter((type) => type === 'TaskSubmitted')).toHaveLength(2);
  });

  test('and with the same name a retry and a redrive find it used', async () => {
    const Retry = [{ ErrorEquals: ['States.TaskFailed'], MaxAttempts: 1 }];
    const sfn = await opened({ parent: definition({ Run: runChild({ Retry }) }), child: failing });
    const ran = await sfn.run('parent');
    const alreadyExists = { status: 'FAILED', error: 'StepFunctions.ExecutionAlreadyExistsException' };
    // The second attempt fails with the name already used, which States.TaskFailed matches too.
    expect(ran).toMatchObject(alreadyExists);
    expect(ran.types.slice(-4)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskFailed', 'ExecutionFailed']);
    await sfn.client.send(new RedriveExecutionCommand({ executionArn: ran.executionArn }));
    expect(await sfn.ended(String(ran.executionArn))).toMatchObject({ ...alreadyExists, redriveCount: 1 });
  });
});

describe('an execution that nobody waits for any more is stopped', () => {
  test('when the one that started it is stopped, with all that it has started in turn', async () => {
    const grandchild = {
      Arguments: { StateMachineArn: machineArn('grandchild'), Name: 'last' },
    };
    const sfn = await opened({
      parent,
      child: definition({ Run: runChild(grandchild) }),
      grandchild: forever,
    });
    const arn = await sfn.start('parent');
    const last = 'arn:aws:states:eu-central-1:123456789012:execution:grandchild:last';
    await expect.poll(() => sfn.history(last)).toHaveLength(2);
    await sfn.client.send(new StopExecutionCommand({ executionArn: arn }));
    const ran = await sfn.ended(arn);
    expect(ran.types.slice(-2)).toEqual(['TaskSubmitted', 'ExecutionAborted']);
    await expectStopped(sfn, childArn, arn);
    await expectStopped(sfn, last, childArn);
  });

  test('when the one that started it times out', async () => {
    const sfn = await opened({
      parent: definition({ Run: runChild() }, { TimeoutSeconds: 1 }),
      child: forever,
    });
    const ran = await sfn.run('parent');
    expect(ran.status).toBe('TIMED_OUT');
    await expectStopped(sfn, childArn, ran.executionArn);
  });

  test('when the task times out, while the one that started it goes on', async () => {
    const Catch = [{ ErrorEquals: ['States.Timeout'], Next: 'Rest' }];
    const sfn = await opened({
      parent: definition({
        Run: runChild({ TimeoutSeconds: 1, Catch }),
        Rest: { Type: 'Wait', Seconds: 100_000, End: true },
      }),
      child: forever,
    });
    const arn = await sfn.start('parent');
    await expect.poll(async () => (await sfn.history(arn)).at(-1)?.type).toBe('WaitStateEntered');
    const types = (await sfn.history(arn)).map(({ type }) => type);
    expect(types.slice(2, 6)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskSubmitted', 'TaskTimedOut']);
    await expectStopped(sfn, childArn, arn);
  });

  test('when a branch beside the task fails', async () => {
    const Branches = [
      { StartAt: 'Run', States: { Run: runChild() } },
      { StartAt: 'Rest', States: { Rest: { Type: 'Wait', Seconds: 5, Next: 'F' }, F: { Type: 'Fail' } } },
    ];
    const sfn = await opened({
      parent: definition({ Both: { Type: 'Parallel', Branches, End: true } }),
      child: forever,
    });
    const ran = await sfn.run('parent');
    expect(ran.types.slice(-3)).toEqual(['TaskStateAborted', 'ParallelStateFailed', 'ExecutionFailed']);
    await expectStopped(sfn, childArn, ran.executionArn);
  });

  test('and one that has ended is left as it is', async () => {
    const rest = { Type: 'Wait', Seconds: 100_000, End: true };
    const sfn = await opened({
      parent: definition({ Run: runChild({ End: undefined, Next: 'Rest' }), Rest: rest }),
      child: definition({ A: pass }),
    });
    const arn = await sfn.start('parent');
    await expect.poll(async () => (await sfn.history(arn)).at(-1)?.type).toBe('WaitStateEntered');
    await sfn.client.send(new StopExecutionCommand({ executionArn: arn }));
    expect((await sfn.ended(childArn)).status).toBe('SUCCEEDED');
  });

  test('but not when the endpoint closes: nothing is recorded then', async () => {
    const account = new Account(1);
    account.deploy({
      machines: Object.entries({ parent, child: forever }).map(([name, text]) => ({
        name,
        arn: machineArn(name),
        definition: text,
      })),
      functions: [],
    });
    const { arn } = account.start({ stateMachineArn: machineArn('parent') });
    await expect.poll(() => account.execution(childArn).history.events).toHaveLength(2);
    account.abandon();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(account.execution(childArn).history.events).toHaveLength(2);
    expect(account.execution(arn).history.events.at(-1)?.type).toBe('TaskSubmitted');
  });
});

test('a task that starts what runs already waits for that, also for its redrive', async () => {
  let finish: (() => void) | undefined;
  let asked = 0;
  const f = fn('f', () => {
    if (++asked === 1) {
      throw new Error('not yet');
    }
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
  const sfn = await opened({ parent, child: definition({ Ask: invoke('f') }) }, { functions: [f] });
  await sfn.ended(await sfn.start('child', {}, 'once'));
  await sfn.client.send(new RedriveExecutionCommand({ executionArn: childArn }));
  await expect.poll(() => finish).toBeDefined();
  const arn = await sfn.start('parent');
  await expect.poll(() => sfn.history(arn)).toHaveLength(5);
  finish?.();
  expect(await sfn.ended(arn)).toMatchObject({
    status: 'SUCCEEDED',
    result: { Status: 'SUCCEEDED', RedriveCount: 1 },
  });
});

test('a redrive runs the task anew', async () => {
  const f = fn('f', ({ redriven }: { redriven: boolean }) => {
    if (!redriven) {
      throw new Error('broken');
    }
    return 'mended';
  });
  const Arguments = {
    StateMachineArn: machineArn('child'),
    Input: { redriven: '{% $exists($states.context.Execution.RedriveCount) %}' },
  };
  const sfn = await opened(
    {
      parent: definition({ Run: runChild({ Arguments, Output: '{% $states.result.Output %}' }) }),
      child: definition({ Ask: invoke('f') }),
    },
    { functions: [f] },
  );
  const { executionArn } = await sfn.run('parent');
  await sfn.client.send(new RedriveExecutionCommand({ executionArn }));
  const ran = await sfn.ended(String(executionArn));
  expect(ran.result).toBe('mended');
  expect(ran.types.filter((type) => type === 'TaskSubmitted')).toHaveLength(2);
});

test.each([
  ['a name that was used before', 'failing', 'StepFunctions.ExecutionAlreadyExistsException'],
  ['a machine that does not exist', 'absent', 'StepFunctions.StateMachineDoesNotExistException'],
])('%s fails the task before it has submitted anything', async (_, machine, error) => {
  const Arguments = { StateMachineArn: machineArn(machine), Name: 'once' };
  const sfn = await opened({ parent: definition({ Run: runChild({ Arguments }) }), failing });
  await sfn.ended(await sfn.start('failing', {}, 'once'));
  const ran = await sfn.run('parent');
  expect(ran).toMatchObject({ status: 'FAILED', error });
  expect(ran.types.slice(2, 5)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskFailed']);
});

test.each(['states:startExecution.sync', 'states:startExecution.sync:3', 'states:startExecution-sync:2'])(
  '%s is refused when a machine is created',
  async (name) => {
    const text = definition({ Run: runChild({ Resource: `arn:aws:states:::${name}` }) });
    await expect(endpoint({ text })).rejects.toThrow(`The resource 'arn:aws:states:::${name}' is not one of`);
  },
);
