import { RedriveExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, test } from 'vitest';
import { definition, endpoint, fn, invoke } from './endpoint.ts';

/** Fails while `broken` holds; remembers what it was asked. */
function machineRoom() {
  const room = { broken: true, asked: [] as unknown[] };
  const f = fn('f', (n: unknown) => {
    room.asked.push(n);
    if (room.broken && n !== 1) {
      throw Object.assign(new Error('broken'), { name: 'Broken' });
    }
    return n;
  });
  return { room, functions: [f] };
}

const context = '{% $states.context.Execution %}';

describe('a redrive', () => {
  test('goes on from the state that failed, with its input and the variables of then', async () => {
    const { room, functions } = machineRoom();
    const machine = definition({
      Once: { Type: 'Pass', Assign: { kept: 'yes' }, Output: 2, Next: 'Ask' },
      Ask: invoke('f', { Next: 'Show' }),
      Show: { Type: 'Pass', Output: '{% { "n": $states.input, "kept": $kept } %}', End: true },
    });
    const sfn = await endpoint({ probe: machine }, { functions });
    const failed = await sfn.run('probe');
    expect(failed).toMatchObject({ status: 'FAILED', redriveStatus: 'REDRIVABLE', redriveCount: 0 });

    room.broken = false;
    const { executionArn } = failed;
    const { redriveDate } = await sfn.client.send(new RedriveExecutionCommand({ executionArn }));
    const ran = await sfn.ended(executionArn as string);
    expect(ran).toMatchObject({
      status: 'SUCCEEDED',
      executionArn,
      redriveCount: 1,
      redriveDate,
      redriveStatus: 'NOT_REDRIVABLE',
      result: { n: 2, kept: 'yes' },
    });
    expect(room.asked).toEqual([2, 2]);
    expect(
      ran.events.filter(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name === 'Once'),
    ).toHaveLength(1);
    const at = failed.events.length;
    expect(ran.events[at]).toMatchObject({
      id: at + 1,
      type: 'ExecutionRedriven',
      executionRedrivenEventDetails: { redriveCount: 1 },
    });
    expect(ran.events.map(({ id }) => id)).toEqual(ran.events.map((_, i) => i + 1));
    await sfn[Symbol.asyncDispose]();
  });

  test('of an inline Map runs only the items that did not succeed', async () => {
    const { room, functions } = machineRoom();
    const ItemProcessor = { StartAt: 'Ask', States: { Ask: invoke('f') } };
    const machine = definition({
      Each: { Type: 'Map', Items: [1, 2, 3], MaxConcurrency: 1, ItemProcessor, End: true },
    });
    const sfn = await endpoint({ probe: machine }, { functions });
    const { executionArn } = await sfn.run('probe');
    room.broken = false;
    await sfn.client.send(new RedriveExecutionCommand({ executionArn }));
    expect((await sfn.ended(executionArn as string)).result).toEqual([1, 2, 3]);
    expect(room.asked).toEqual([1, 2, 2, 3]);
    await sfn[Symbol.asyncDispose]();
  });

  test('shows in the context, where nothing showed before', async () => {
    const { room, functions } = machineRoom();
    const Arguments = { FunctionName: 'f', Payload: context };
    const sfn = await endpoint(
      { probe: definition({ Ask: invoke('f', { Arguments, End: true }) }) },
      { functions },
    );
    const { executionArn } = await sfn.run('probe');
    room.broken = false;
    await sfn.client.send(new RedriveExecutionCommand({ executionArn }));
    await sfn.ended(executionArn as string);
    const [first, second] = room.asked;
    expect(first).not.toHaveProperty('RedriveCount');
    expect(second).toMatchObject({ RedriveCount: 1, RedriveTime: expect.any(String) });
    await sfn[Symbol.asyncDispose]();
  });

  test('of a stopped execution goes on where it was stopped', async () => {
    const machine = definition({
      First: { Type: 'Pass', Next: 'Rest' },
      Rest: {
        Type: 'Wait',
        Seconds: '{% $exists($states.context.Execution.RedriveCount) ? 0 : 1000 %}',
        End: true,
      },
    });
    const sfn = await endpoint({ probe: machine });
    const executionArn = await sfn.start('probe');
    await expect.poll(() => sfn.history(executionArn)).toHaveLength(4);
    await sfn.client.send(new StopExecutionCommand({ executionArn }));
    await sfn.client.send(new RedriveExecutionCommand({ executionArn }));
    const ran = await sfn.ended(executionArn);
    expect(ran.status).toBe('SUCCEEDED');
    expect(ran.types.filter((type) => type === 'PassStateEntered')).toHaveLength(1);
    await sfn[Symbol.asyncDispose]();
  });

  test('of a Map that was stopped goes on in each item where it was', async () => {
    const asked: unknown[] = [];
    const f = fn('f', (n: unknown) => void asked.push(n));
    const redriven = '$exists($states.context.Execution.RedriveCount)';
    const ItemProcessor = {
      StartAt: 'Ask',
      States: {
        Ask: invoke('f', { Output: '{% $states.input %}', Next: 'Rest' }),
        Rest: { Type: 'Wait', Seconds: `{% $states.input = 1 or ${redriven} ? 0 : 1000 %}`, End: true },
      },
    };
    const machine = definition({
      Each: { Type: 'Map', Items: [1, 2, 3, 4], MaxConcurrency: 2, ItemProcessor, End: true },
    });
    const sfn = await endpoint({ probe: machine }, { functions: [f] });
    const executionArn = await sfn.start('probe');
    await expect.poll(() => asked).toEqual([1, 2, 3]);
    await sfn.client.send(new StopExecutionCommand({ executionArn }));
    await sfn.client.send(new RedriveExecutionCommand({ executionArn }));
    expect((await sfn.ended(executionArn)).result).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual([1, 2, 3, 4]);
    await sfn[Symbol.asyncDispose]();
  });

  test('after a stop at any moment, again and again, loses no item and finishes none twice', async () => {
    const items = Array.from({ length: 20 }, (_, i) => i);
    const f = fn('f', () => new Promise((resolve) => setTimeout(resolve, Math.random() * 4)));
    const States = {
      Ask: invoke('f', { Output: '{% $states.input %}', Next: 'Rest' }),
      Rest: { Type: 'Wait', Seconds: 1, End: true },
    };
    const machine = definition({
      Each: { Type: 'Map', Items: items, ItemProcessor: { StartAt: 'Ask', States }, End: true },
    });
    const sfn = await endpoint({ probe: machine }, { functions: [f], secondMs: 3 });

    async function stopAndRedrive(): Promise<void> {
      const executionArn = await sfn.start('probe');
      for (let stops = 0; stops < 6; stops++) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        await sfn.client.send(new StopExecutionCommand({ executionArn }));
        await sfn.client.send(new RedriveExecutionCommand({ executionArn })).catch((error: Error) => {
          expect(error.name).toBe('ExecutionNotRedrivable'); // it was faster
        });
      }
      const { result, types } = await sfn.ended(executionArn);
      expect(result).toEqual(items);
      expect(types.filter((type) => type === 'MapIterationSucceeded')).toHaveLength(items.length);
    }
    await Promise.all(Array.from({ length: 10 }, stopAndRedrive));
    await sfn[Symbol.asyncDispose]();
  });

  test('is refused while it runs and after it succeeded', async () => {
    const machine = definition({ Rest: { Type: 'Wait', Seconds: '{% $states.input %}', End: true } });
    const sfn = await endpoint({ probe: machine });
    const running = await sfn.start('probe', 1000);
    const { executionArn } = await sfn.run('probe', 0);
    for (const arn of [running, executionArn]) {
      const redrive = sfn.client.send(new RedriveExecutionCommand({ executionArn: arn }));
      await expect(redrive).rejects.toMatchObject({ name: 'ExecutionNotRedrivable' });
    }
    await sfn[Symbol.asyncDispose]();
  });

  test('asked for twice with one token happens once', async () => {
    const machine = definition({ A: { Type: 'Fail' } });
    const sfn = await endpoint({ probe: machine });
    const { executionArn } = await sfn.run('probe');
    const redrive = () => sfn.client.send(new RedriveExecutionCommand({ executionArn, clientToken: 'once' }));
    expect((await redrive()).redriveDate).toEqual((await redrive()).redriveDate);
    expect(await sfn.ended(executionArn as string)).toMatchObject({ redriveCount: 1 });
    await sfn[Symbol.asyncDispose]();
  });
});
