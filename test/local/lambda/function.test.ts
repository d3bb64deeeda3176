import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type LambdaFunction, startFunction } from '../../../local/lambda/function.ts';
import type { FunctionSpec } from '../../../local/lambda/function-spec.ts';

const started: { stop(): Promise<void> }[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()));
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true });
  }
});

/** A function whose whole bundle is `source`. */
function lambda(source: string, spec: Partial<FunctionSpec> = {}, file = 'index.js'): LambdaFunction {
  const code = mkdtempSync(join(tmpdir(), 'bundle-'));
  folders.push(code);
  writeFileSync(join(code, file), source);
  const fn = startFunction({
    arn: 'arn:aws:lambda:eu-central-1:123456789012:function:probe',
    name: 'probe',
    code,
    handler: 'index.handler',
    timeoutSeconds: 5,
    memorySize: 128,
    runtime: 'nodejs22.x',
    environment: {},
    ...spec,
  });
  started.push(fn);
  return fn;
}

describe('a handler', () => {
  test('gets the event as JSON and its answer comes back as JSON', async () => {
    const fn = lambda('exports.handler = async (event) => ({ event, when: new Date(0), gone: undefined });');
    expect(await fn.invoke({ rows: [1, null] })).toEqual({
      status: 'succeeded',
      payload: { event: { rows: [1, null] }, when: '1970-01-01T00:00:00.000Z' },
    });
  });

  test('that answers nothing answers null', async () => {
    expect(await lambda('exports.handler = async () => {};').invoke({})).toEqual({
      status: 'succeeded',
      payload: null,
    });
  });

  test('may be an ES module', async () => {
    const fn = lambda('export const handler = async () => import.meta.url.length > 0;', {}, 'index.mjs');
    expect(await fn.invoke({})).toEqual({ status: 'succeeded', payload: true });
  });

  test('sees its own variables and Lambda’s, and none of the host’s', async () => {
    process.env.OF_THE_HOST = 'yes';
    const fn = lambda('exports.handler = async () => process.env;', { environment: { TABLE: 'users' } });
    const outcome = await fn.invoke({});
    delete process.env.OF_THE_HOST;
    expect(outcome).toMatchObject({
      payload: {
        TABLE: 'users',
        AWS_REGION: 'eu-central-1',
        AWS_LAMBDA_FUNCTION_NAME: 'probe',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x',
      },
    });
    expect(outcome).not.toHaveProperty('payload.OF_THE_HOST');
    expect(outcome).not.toHaveProperty('payload.PATH');
  });

  test('gets a context that knows its version and counts down to its timeout', async () => {
    const fn = lambda('exports.handler = async (_, c) => ({ ...c, left: c.getRemainingTimeInMillis() });', {
      version: '7',
    });
    const outcome = await fn.invoke({}, `${fn.arn}:7`);
    expect(outcome).toMatchObject({
      payload: {
        awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        functionName: 'probe',
        functionVersion: '7',
        invokedFunctionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:probe:7',
        memoryLimitInMB: '128',
      },
    });
    const { left } = (outcome as { payload: { left: number } }).payload;
    expect(left).toBeGreaterThan(4500);
    expect(left).toBeLessThanOrEqual(5000);
  });

  test('finds only what was bundled', async () => {
    const outcome = await lambda("require('pg'); exports.handler = async () => {};").invoke({});
    expect(outcome).toMatchObject({ status: 'failed', errorType: 'Runtime.ImportModuleError' });
  });

  test('that does not exist is an error of the runtime', async () => {
    const outcome = await lambda('exports.other = async () => {};').invoke({});
    expect(outcome).toMatchObject({ errorType: 'Runtime.HandlerNotFound' });
  });
});

describe('workers', () => {
  const counting =
    'let n = 0; exports.handler = async ({ ms }) => { n++; await new Promise((r) => setTimeout(r, ms)); return n; };';

  test('stay warm between invocations', async () => {
    const fn = lambda(counting);
    expect(await fn.invoke({ ms: 0 })).toMatchObject({ payload: 1 });
    expect(await fn.invoke({ ms: 0 })).toMatchObject({ payload: 2 });
  });

  test('run one invocation at a time: a second one at the same time gets a worker of its own', async () => {
    const fn = lambda(counting);
    const both = await Promise.all([fn.invoke({ ms: 300 }), fn.invoke({ ms: 300 })]);
    expect(both).toMatchObject([{ payload: 1 }, { payload: 1 }]);
  });
});

describe('an invocation that fails', () => {
  test('by a thrown error reports its name, message and trace', async () => {
    const fn = lambda(
      "class E extends Error { name = 'MigrationFailed' } exports.handler = async () => { throw new E('no') };",
    );
    expect(await fn.invoke({})).toMatchObject({
      status: 'failed',
      errorType: 'MigrationFailed',
      error: {
        errorType: 'MigrationFailed',
        errorMessage: 'no',
        trace: expect.arrayContaining(['MigrationFailed: no']),
      },
    });
  });

  test('by its timeout is killed, even in an endless loop', async () => {
    const fn = lambda('exports.handler = async () => { for (;;); };', { timeoutSeconds: 1 });
    const outcome = await fn.invoke({});
    expect(outcome).toMatchObject({
      errorType: 'Sandbox.Timedout',
      error: {
        errorType: 'Sandbox.Timedout',
        errorMessage: expect.stringMatching(
          /^RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds$/,
        ),
      },
    });
  });

  test('by exiting says so, and the next invocation finds a fresh worker', async () => {
    const fn = lambda('exports.handler = async ({ exit }) => { if (exit) process.exit(exit); return 1; };');
    expect(await fn.invoke({ exit: 3 })).toMatchObject({
      errorType: 'Runtime.ExitError',
      error: { errorMessage: expect.stringContaining('Runtime exited with error: exit status 3') },
    });
    expect(await fn.invoke({})).toMatchObject({ payload: 1 });
  });

  test('by an error nobody caught ends its worker', async () => {
    const fn = lambda(
      "exports.handler = () => new Promise(() => setTimeout(() => { throw new TypeError('loose') }, 1));",
    );
    expect(await fn.invoke({})).toMatchObject({ errorType: 'TypeError', error: { errorMessage: 'loose' } });
  });

  test('by a promise nobody waited for says that', async () => {
    const fn = lambda(
      "exports.handler = () => new Promise(() => { Promise.reject(new TypeError('loose')); });",
    );
    expect(await fn.invoke({})).toMatchObject({
      errorType: 'Runtime.UnhandledPromiseRejection',
      error: { errorMessage: 'TypeError: loose' },
    });
  });

  test('by taking more memory than configured is killed, and the host lives on', async () => {
    const fn = lambda('exports.handler = async () => { const all = []; for (;;) all.push({ a: [] }); };', {
      memorySize: 64,
      timeoutSeconds: 60,
    });
    expect(await fn.invoke({})).toMatchObject({
      errorType: 'Runtime.ExitError',
      error: { errorMessage: expect.stringContaining('signal: killed') },
    });
  });

  test('by a kill from outside looks like a crash', async () => {
    const lines: string[] = [];
    const fn = lambda("exports.handler = () => new Promise(() => console.log('running'));", {
      log: (line) => lines.push(line),
    });
    const outcome = fn.invoke({});
    await expect.poll(() => lines).toContain('running');
    await fn.kill();
    expect(await outcome).toMatchObject({ errorType: 'Runtime.ExitError' });
  });

  test('by an answer over 6 MB says so', async () => {
    const fn = lambda("exports.handler = async () => 'x'.repeat(7e6);");
    expect(await fn.invoke({})).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
  });
});

describe('what a function says and uses', () => {
  test('goes to the log with one REPORT line per invocation', async () => {
    const lines: string[] = [];
    const fn = lambda(
      "exports.handler = async () => { console.log('one\\ntwo'); console.error('three'); };",
      {
        log: (line) => lines.push(line),
      },
    );
    await fn.invoke({});
    await expect.poll(() => lines).toEqual(expect.arrayContaining(['one', 'two', 'three']));
    expect(lines.filter((line) => line.startsWith('REPORT'))).toEqual([
      expect.stringMatching(/Duration: \d+\.\d\d ms.*Memory Size: 128 MB\tMax Memory Used: \d+ MB/),
    ]);
  });

  test('its peak memory rises with what it holds and can be measured anew', async () => {
    const fn = lambda(
      'exports.handler = async ({ mb }) => { const b = Buffer.alloc(mb * 2 ** 20, 1); await new Promise((r) => setTimeout(r, 150)); return b.length; };',
    );
    await fn.invoke({ mb: 1 });
    const small = fn.peakMemoryBytes();
    await fn.invoke({ mb: 50 });
    expect(fn.peakMemoryBytes() - small).toBeGreaterThan(40 * 2 ** 20);
    fn.resetPeak();
    expect(fn.peakMemoryBytes()).toBe(0);
  });
});

test('a stopped function leaves nothing unpacked', async () => {
  const before = unpacked();
  const fn = lambda('exports.handler = async () => {};');
  await fn.invoke({});
  await fn.stop();
  expect(unpacked().filter((name) => !before.includes(name))).toEqual([]);
});

function unpacked(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('lambda-'));
}
