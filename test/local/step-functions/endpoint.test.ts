import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  ListTagsForResourceCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStepFunctions } from '../../../local/step-functions/step-functions.ts';
import { credentials, signature } from '../../support/credentials.ts';
import { definition, endpoint, fn, invoke, machineArn } from './endpoint.ts';

const quick = definition({ A: { Type: 'Pass', End: true } });
const waiting = definition({ Rest: { Type: 'Wait', Seconds: 100_000, End: true } });

let sfn: Awaited<ReturnType<typeof endpoint>>;
beforeAll(async () => {
  sfn = await endpoint({ quick, waiting });
});
afterAll(() => sfn[Symbol.asyncDispose]());

/** A request as no SDK would send it. */
async function raw(body: string, target = 'AWSStepFunctions.StartExecution', method = 'POST') {
  const response = await fetch(sfn.url, {
    method,
    headers: { 'x-amz-target': target, ...signature },
    ...(method === 'POST' && { body }),
  });
  return { status: response.status, body: (await response.json()) as { __type?: string; message?: string } };
}

describe('StartExecution', () => {
  const start = (input: Partial<ConstructorParameters<typeof StartExecutionCommand>[0]>) =>
    sfn.client.send(new StartExecutionCommand({ stateMachineArn: machineArn('waiting'), ...input }));

  test('answers before anything has happened, with an ARN made of machine and name', async () => {
    const { executionArn, startDate } = await start({ name: 'first' });
    expect(executionArn).toBe('arn:aws:states:eu-central-1:123456789012:execution:waiting:first');
    expect(startDate).toBeInstanceOf(Date);
  });

  test('with the same name and input answers the execution that runs', async () => {
    const first = await start({ name: 'same', input: '{"a":1}' });
    const second = await start({ name: 'same', input: '{"a":1}' });
    expect(second.startDate).toEqual(first.startDate);
    expect(second.executionArn).toBe(first.executionArn);
  });

  test('with the same name and other input, or after the end, is refused', async () => {
    const exists = { name: 'ExecutionAlreadyExists' };
    const { executionArn } = await start({ name: 'taken', input: '1' });
    await expect(start({ name: 'taken', input: '2' })).rejects.toMatchObject(exists);
    await sfn.client.send(new StopExecutionCommand({ executionArn }));
    await expect(start({ name: 'taken', input: '1' })).rejects.toMatchObject(exists);
  });

  test.each([
    [{ stateMachineArn: 'nonsense' }, 'InvalidArn'],
    [{ stateMachineArn: machineArn('absent') }, 'StateMachineDoesNotExist'],
    [{ name: 'two words' }, 'InvalidName'],
    [{ name: 'a/b' }, 'InvalidName'],
    [{ name: 'x'.repeat(81) }, 'ValidationException'],
    [{ input: 'not json' }, 'InvalidExecutionInput'],
    [{ input: '' }, 'InvalidExecutionInput'],
    [{ input: JSON.stringify('ä'.repeat(131_072)) }, 'ValidationException'],
  ])('refuses %j', async (input, name) => {
    await expect(start(input)).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
  });
});

test('an execution can be described, with its data or without', async () => {
  const { executionArn } = await sfn.run('quick', { secret: 1 });
  const described = await sfn.client.send(new DescribeExecutionCommand({ executionArn }));
  expect(described).toMatchObject({
    name: executionArn?.split(':').at(-1),
    stateMachineArn: machineArn('quick'),
    status: 'SUCCEEDED',
    input: '{"secret":1}',
    inputDetails: { included: true },
    output: '{"secret":1}',
    redriveCount: 0,
    redriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
  });
  const without = await sfn.client.send(
    new DescribeExecutionCommand({ executionArn, includedData: 'METADATA_ONLY' }),
  );
  expect(without.input).toBeUndefined();
  expect(without.inputDetails).toEqual({ included: false });
  await expect(
    sfn.client.send(new DescribeExecutionCommand({ executionArn: `${executionArn}x` })),
  ).rejects.toMatchObject({ name: 'ExecutionDoesNotExist' });
});

test('a stopped execution ends at once, with error and cause, and is stopped only once', async () => {
  const executionArn = await sfn.start('waiting');
  const stop = () =>
    sfn.client.send(new StopExecutionCommand({ executionArn, error: 'Enough', cause: 'by hand' }));
  const { stopDate } = await stop();
  expect((await stop()).stopDate).toEqual(stopDate);
  const ended = await sfn.ended(executionArn);
  expect(ended).toMatchObject({ status: 'ABORTED', error: 'Enough', cause: 'by hand' });
  expect(ended.events.at(-1)).toMatchObject({
    type: 'ExecutionAborted',
    previousEventId: 0,
    executionAbortedEventDetails: { error: 'Enough', cause: 'by hand' },
  });
});

test('stopping an execution does not stop its Lambda', async () => {
  let [started, finished] = [false, false];
  const slow = fn('slow', async () => {
    started = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
    finished = true;
  });
  const own = await endpoint({ probe: definition({ Ask: invoke('slow') }) }, { functions: [slow] });
  const executionArn = await own.start('probe');
  await expect.poll(() => started).toBe(true);
  await own.client.send(new StopExecutionCommand({ executionArn }));
  expect((await own.ended(executionArn)).status).toBe('ABORTED');
  expect(finished).toBe(false);
  await expect.poll(() => finished).toBe(true);
  expect((await own.history(executionArn)).at(-1)?.type).toBe('ExecutionAborted');
  await own[Symbol.asyncDispose]();
});

test('executions are listed latest first, by status and by page', async () => {
  const own = await endpoint({ quick, waiting });
  const list = (input: object) =>
    own.client.send(new ListExecutionsCommand({ stateMachineArn: machineArn('quick'), ...input }));
  const names: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    await own.ended(await own.start('quick', {}, name));
    names.unshift(name);
  }
  await own.start('waiting');
  const listed = async (input: object) => (await list(input)).executions?.map(({ name }) => name);
  expect(await listed({})).toEqual(names);
  expect(await listed({ statusFilter: 'RUNNING' })).toEqual([]);
  expect(await listed({ statusFilter: 'SUCCEEDED', redriveFilter: 'NOT_REDRIVEN' })).toEqual(names);

  const { executions, nextToken } = await list({ maxResults: 2 });
  expect(executions?.map(({ name }) => name)).toEqual(['c', 'b']);
  await own.ended(await own.start('quick', {}, 'd')); // a page does not shift when executions are added
  expect(await listed({ maxResults: 2, nextToken })).toEqual(['a']);
  await expect(list({ nextToken: 'nonsense' })).rejects.toMatchObject({ name: 'InvalidToken' });
  await own[Symbol.asyncDispose]();
});

test('a history can be read backwards, by page and without its data', async () => {
  const { executionArn } = await sfn.run('quick', { a: 1 });
  const get = (input: object) => sfn.client.send(new GetExecutionHistoryCommand({ executionArn, ...input }));
  const { events, nextToken } = await get({ reverseOrder: true, maxResults: 3 });
  expect(events?.map(({ id }) => id)).toEqual([4, 3, 2]);
  expect((await get({ reverseOrder: true, maxResults: 3, nextToken })).events?.map(({ id }) => id)).toEqual([
    1,
  ]);
  const without = await get({ includeExecutionData: false });
  expect(JSON.stringify(without.events)).not.toContain('{\\"a\\":1}');
  expect(without.events?.[1]?.stateEnteredEventDetails).toEqual({ name: 'A' });
});

test('machines can be described and listed', async () => {
  const { executionArn } = await sfn.run('quick');
  const described = await sfn.client.send(
    new DescribeStateMachineCommand({ stateMachineArn: machineArn('quick') }),
  );
  expect(described).toMatchObject({ name: 'quick', definition: quick, type: 'STANDARD', status: 'ACTIVE' });
  const its = await sfn.client.send(new DescribeStateMachineForExecutionCommand({ executionArn }));
  expect(its).toMatchObject({
    stateMachineArn: machineArn('quick'),
    definition: quick,
    updateDate: expect.any(Date),
  });
  const { stateMachines } = await sfn.client.send(new ListStateMachinesCommand({}));
  expect(stateMachines?.map(({ name }) => name)).toEqual(['quick', 'waiting']);
  const { tags } = await sfn.client.send(
    new ListTagsForResourceCommand({ resourceArn: machineArn('quick') }),
  );
  expect(tags).toEqual([]);
});

test('a deployment changes nothing for what runs, and all for what starts', async () => {
  const machine = (says: string) =>
    definition({
      Rest: { Type: 'Wait', Seconds: 5, Next: 'Ask' },
      Ask: invoke(`f:${says === 'old' ? 1 : 2}`, { Next: 'Say' }),
      Say: { Type: 'Pass', Output: `{% $states.input & ' in ${says}' %}`, End: true },
    });
  const own = await endpoint({ probe: machine('old') }, { functions: [fn('f', () => 'one', '1')] });
  const before = await own.start('probe');
  own.deploy({
    machines: [{ name: 'probe', arn: machineArn('probe'), definition: machine('new') }],
    functions: [fn('f', () => 'two', '2')],
  });
  expect((await own.run('probe')).result).toBe('two in new');
  expect((await own.ended(before)).result).toBe('one in old');
  await own[Symbol.asyncDispose]();
});

describe('a request that makes no sense gets AWS’s error', () => {
  test.each<[string, string | undefined, string, string]>([
    ['{}', 'AWSStepFunctions.CreateActivity', 'POST', 'UnknownOperationException'],
    ['{}', 'AWSStepFunctions.constructor', 'POST', 'UnknownOperationException'],
    ['{}', 'DynamoDB.PutItem', 'POST', 'UnknownOperationException'],
    ['', undefined, 'GET', 'UnknownOperationException'],
    ['{', undefined, 'POST', 'SerializationException'],
    ['[]', undefined, 'POST', 'SerializationException'],
    ['{"stateMachineArn":7}', undefined, 'POST', 'SerializationException'],
    ['{}', undefined, 'POST', 'ValidationException'],
    [`"${'x'.repeat(3e6)}"`, undefined, 'POST', 'RequestEntityTooLargeException'],
  ])('%.30s %s %s', async (body, target, method, name) => {
    expect(await raw(body, target, method)).toMatchObject({ status: 400, body: { __type: name } });
  });

  test('and so does what is no HTTP at all; the endpoint lives on', async () => {
    const socket = connect(sfn.port, '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    expect(String(await once(socket, 'data'))).toContain('400 Bad Request');
    expect((await sfn.run('quick')).status).toBe('SUCCEEDED');
  });
});

test('a task starts executions and asks for them, with the errors AWS names', async () => {
  const start = (Resource: string, Name: string) => ({
    Type: 'Task',
    Resource: `arn:aws:states:::${Resource}`,
    Arguments: { StateMachineArn: machineArn('quick'), Name, Input: '{"by":"task"}' },
  });
  const own = await endpoint({
    quick,
    native: definition({ A: { ...start('states:startExecution', 'once'), End: true } }),
    sdk: definition({ A: { ...start('aws-sdk:sfn:startExecution', 'once'), End: true } }),
    ask: definition({
      A: {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:sfn:describeExecution',
        Arguments: { ExecutionArn: '{% $states.input %}' },
        End: true,
      },
    }),
  });
  const executionArn = 'arn:aws:states:eu-central-1:123456789012:execution:quick:once';
  const first = await own.run('native');
  expect(first.result).toEqual({ ExecutionArn: executionArn, StartDate: expect.stringMatching(/Z$/) });
  await own.ended(executionArn);
  expect((await own.run('native')).error).toBe('StepFunctions.ExecutionAlreadyExistsException');
  expect((await own.run('sdk')).error).toBe('Sfn.ExecutionAlreadyExistsException');
  expect((await own.run('ask', executionArn)).result).toMatchObject({
    Status: 'SUCCEEDED',
    Input: '{"by":"task"}',
    StopDate: expect.stringMatching(/Z$/),
    InputDetails: { Included: true },
  });
  expect((await own.run('ask', `${executionArn}x`)).error).toBe('Sfn.ExecutionDoesNotExistException');
  await own[Symbol.asyncDispose]();
});

test('a taken port is an error that says so', async () => {
  const taken = startStepFunctions({
    machines: [],
    functions: [],
    accessKeyId: 'any',
    port: sfn.port,
  });
  await expect(taken).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('the SDK finds the endpoint by AWS_ENDPOINT_URL_SFN', async () => {
  process.env.AWS_ENDPOINT_URL_SFN = sfn.url;
  const client = new SFNClient({
    region: 'eu-central-1',
    credentials,
  });
  const { stateMachines } = await client.send(new ListStateMachinesCommand({}));
  delete process.env.AWS_ENDPOINT_URL_SFN;
  client.destroy();
  expect(stateMachines).toHaveLength(2);
});

const hasAws = await promisify(execFile)('aws', ['--version']).then(
  () => true,
  () => false,
);

// A user may not have the command line: the test needs what it tests.
test.skipIf(!hasAws)('the aws command line finds it by the same variable', { timeout: 60_000 }, async () => {
  const aws = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('aws', ['stepfunctions', ...args, '--output', 'json'], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL_SFN: sfn.url,
        AWS_DEFAULT_REGION: 'eu-central-1', // version 1 reads no AWS_REGION
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
    });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const { executionArn } = await aws(
    'start-execution',
    '--state-machine-arn',
    machineArn('quick'),
    '--input',
    '{"a":1}',
  );
  await sfn.ended(String(executionArn));
  const { events } = await aws('get-execution-history', '--execution-arn', String(executionArn));
  expect((events as { type: string }[]).map(({ type }) => type)).toEqual([
    'ExecutionStarted',
    'PassStateEntered',
    'PassStateExited',
    'ExecutionSucceeded',
  ]);
});
