import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { who } from '../../cli/system/who.ts';
import { migrations } from '../support/demo.ts';
import { type DemoOperator, demoOperator } from './demo-operator.ts';

const name = 'ci-builds-stage-id';
let at: DemoOperator;
beforeAll(async () => {
  at = await demoOperator();
});
afterAll(() => at.close());
beforeEach(() => at.begin());

const does = (...args: string[]) => at.does(args);
const json = async (...args: string[]) => JSON.parse((await does(...args, '--json')).stdout);

/** Holds the migration in the background after its first slice, until it is let go. */
function hold(): { readonly held: Promise<void>; letGo(): void } {
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let slices = 0;
  const held = new Promise<void>((resolve) => {
    at.runtime.between.invocation = async (request, invoke) => {
      if (request.operation === 'batches' && request.migration === name && ++slices > 1) {
        resolve();
        await released;
      }
      return invoke();
    };
  });
  return { held, letGo };
}

test('a migration in the background is paused, tuned, resumed and stopped by its name, and the history says by whom', async () => {
  const { held, letGo } = hold();
  const release = await does('start', '--wait');
  expect(release.code, release.stderr).toBe(0);
  const { execution } = JSON.parse(release.stdout)[name];
  await held;
  expect(await json('progress', name)).toMatchObject({ name, paused: null, tuned: null });
  expect((await does('finished', name)).code).toBe(1);

  const paused = await does('pause', name, '--reason', 'the sale is on');
  expect(paused).toMatchObject({ code: 0, stdout: '' });
  expect(paused.stderr).toContain(`npx migrations resume ${name} ends the pause`);
  letGo();
  expect(await at.runtime.ended(execution)).toMatchObject({ status: 'ABORTED', error: 'Paused' });
  expect((await does('pause', name)).code).toBe(1);
  expect((await does('progress')).stdout).toMatch(
    /ci-builds-stage-id +paused .*paused by \S+@\S+ at .*: the sale is on/,
  );
  const next = JSON.parse((await does('start', '--wait')).stdout);
  expect(next[name]).toMatchObject({ state: 'paused', reason: 'the sale is on' });
  expect(next['users-full-name']).toBe('skipped');

  expect(await does('tune', name, '--rest', '0', '--batch-seconds', '0.05')).toMatchObject({
    code: 0,
    stdout: '{"restSeconds":0,"batchSeconds":0.05}\n',
  });
  const resumed = await does('resume', name, '--wait');
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(JSON.parse(resumed.stdout)[name]).toMatchObject({ total_processed: 50_000, errors: 200 });
  expect((await does('finished', name)).code).toBe(0);
  expect((await does('tune', name, '--reset')).stdout).toBe('null\n');

  const history = (await json('history', name)) as {
    event: string;
    who: string | null;
    detail: string | null;
  }[];
  expect(history.map(({ event }) => event)).toEqual([
    ...['run started', 'begun', 'paused', 'tuned', 'resumed', 'run found ended', 'run started'],
    ...['begun', 'finished', 'run succeeded', 'tuning reset'],
  ]);
  expect(history.find(({ event }) => event === 'paused')).toMatchObject({
    who: expect.stringMatching(/^\S+@\S+$/),
    detail: 'the sale is on',
  });
  expect((await json('history'))[0]).toMatchObject({ event: 'run started', who: who() });
  expect((await does('history')).stdout).toMatch(/run succeeded/);
}, 120_000);

test('tune --lanes while a slice is at work: the next one has as many lanes, and each row is changed once', async () => {
  await does('start', '--only', 'users-full-name', '--wait');
  await does('tune', name, '--rest', '0');
  let slice = 0;
  at.runtime.between.invocation = async (request, invoke) => {
    slice += request.operation === 'batches' && request.migration === name ? 1 : 0;
    return invoke();
  };
  const lanes = new Map<number, Set<number>>();
  let batches = 0;
  let tuned = '';
  at.runtime.between.call = async ({ body }) => {
    if (!body.includes('moved#') || !body.includes('ci_builds')) {
      return 'pass' as const;
    }
    batches += 1;
    if (batches === 5) {
      tuned = (await does('tune', name, '--lanes', '3')).stdout;
    }
    const taken = await at.runtime.database.query<{ lane: number }>(
      'SELECT lane FROM data_migrations.ranges WHERE claim IS NOT NULL',
    );
    const seen = lanes.get(slice) ?? new Set();
    lanes.set(slice, new Set([...seen, ...taken.map(({ lane }) => lane)]));
    return 'pass' as const;
  };
  const { code, stdout, stderr } = await does('start', '--wait-for', name);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(tuned)).toEqual({ restSeconds: 0, lanes: 3 });
  for (const [key, value] of Object.entries({
    total_processed: 50_000,
    total_updated: 49_800,
    errors: 200,
  })) {
    expect(stdout).toContain(`"${key}": ${value}`);
  }
  expect([...lanes].map(([number, seen]) => [number, [...seen].sort()])).toEqual([
    [1, []],
    [2, [0, 1, 2]],
  ]);
}, 120_000);

test('stop with a name stops that execution alone; start --wait-for waits for what is in the background', async () => {
  const { held, letGo } = hold();
  const release = await does('start', '--wait');
  const { execution } = JSON.parse(release.stdout)[name];
  await held;
  expect(await does('stop')).toMatchObject({ code: 1, stdout: '' });
  expect(await does('stop', name)).toMatchObject({ code: 0, stdout: `${execution}\n` });
  letGo();
  expect((await at.runtime.describe(execution)).status).toBe('ABORTED');
  await does('tune', name, '--rest', '0');
  const { code, stdout, stderr } = await does('start', '--wait-for', name);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('"total_processed": 50000');
  expect((await does('finished', name)).code).toBe(0);
}, 120_000);

test('start --wait-for all waits for all that is in the background', async () => {
  await does('start', '--only', 'users-full-name', '--wait');
  await does('tune', name, '--rest', '0');
  const { code, stderr } = await does('start', '--wait-for', 'all');
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`waiting for ${name}: arn:`);
  expect(await does('finished', name)).toMatchObject({ code: 0 });
});

test('start --wait-for of a run that was found under its name waits for what it has left to the background', async () => {
  const { held, letGo } = hold();
  await does('start', '--name', 'v1', '--wait');
  await held;
  await does('tune', name, '--rest', '0');
  let isOver = false;
  const again = does('start', '--name', 'v1', '--wait-for', 'all').finally(() => {
    isOver = true;
  });
  expect((await does('finished', name)).code).toBe(1);
  expect(isOver).toBe(false);
  letGo();
  const { code, stdout, stderr } = await again;
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('v1 has succeeded already; nothing was started\n');
  expect(stderr).toContain(`waiting for ${name}: arn:`);
  expect(stdout).toContain('"total_processed": 50000');
}, 120_000);

test('start --wait-for exits with 1 and says how to go on where the migration is paused, and with 0 once it is finished', async () => {
  const { held, letGo } = hold();
  await does('start', '--name', 'v2', '--wait');
  await held;
  await does('tune', name, '--rest', '0');
  await does('pause', name, '--reason', 'the sale is on');
  letGo();
  const paused = await does('start', '--name', 'v3', '--wait-for', name);
  expect(JSON.parse(paused.stdout)[name]).toMatchObject({ state: 'paused' });
  const said =
    /^ci-builds-stage-id is paused by \S+ at .*: the sale is on\. npx migrations resume ci-builds-stage-id .*goes on/m;
  for (const { code, stderr } of [
    paused,
    await does('start', '--wait-for', 'all'),
    await does('start', '--only', 'users-full-name', '--wait-for', name),
  ]) {
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(said) });
  }
  const stopped = await does('start', '--name', 'v2', '--wait-for', name);
  expect(stopped).toMatchObject({ code: 1, stderr: expect.stringMatching(/ended ABORTED\nPaused\n/) });

  expect(await does('resume', name, '--wait')).toMatchObject({ code: 0 });
  for (const release of ['v2', 'v3']) {
    const { code, stderr } = await does('start', '--name', release, '--wait-for', name);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining(`${name} is finished\n`),
    });
  }
}, 120_000);

test('tune --rest replaces --within, and the other way round: the later one counts and is shown', async () => {
  await does('start', '--only', 'users-full-name', '--wait');
  await does('tune', name, '--lanes', '2', '--within', 'PT30M');
  expect((await does('tune', name, '--rest', '60')).stdout).toBe('{"lanes":2,"restSeconds":60}\n');
  expect(await json('progress', name)).toMatchObject({ tuned: { lanes: 2, restSeconds: 60 } });
  expect((await does('tune', name, '--within', 'PT1H')).stdout).toBe('{"lanes":2,"within":"PT1H"}\n');
});

test.each(['pause', 'resume', 'stop', 'tune'])(
  '%s of an unknown name is misuse, and lists each known one once',
  async (command) => {
    await does('start', '--only', 'users-full-name', '--wait');
    const args = command === 'tune' ? ['--rest', '1'] : [];
    const { code, stderr } = await does(command, 'no-such', ...args);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `no migration is called no-such\nKnown: ${migrations.map((each) => each.name).join(', ')}\n`,
    });
  },
);

test.each([
  [['tune', name], 'give what to set, or --reset alone'],
  [['tune', name, '--rest', '1', '--within', 'P1D'], 'give one of --rest and --within'],
  [
    ['tune', name, '--window', 'nights'],
    'got nights, which is no window; written as 22:00-06:00/Europe/Berlin',
  ],
  [
    ['tune', name, '--window', '22:00-06:00'],
    'got 22:00-06:00, whose time zone is missing; written as 22:00-06:00/Europe/Berlin',
  ],
  [['tune', name, '--batch-seconds', '60'], 'at most 20'],
  [['tune', name, '--lanes', '0'], 'a whole number from 1 to 16'],
  [['tune', 'audience-updated-at', '--rest', '1'], 'it has no batches to tune'],
  [['history', 'no-such'], 'no migration is called no-such'],
])('%j is misuse', async (args, said) => {
  await does('start', '--only', 'users-full-name', '--wait');
  const { code, stderr } = await does(...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(said) });
});
