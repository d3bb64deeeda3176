import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ioOf } from '../../cli/command/io.ts';
import { findSystem } from '../../cli/system/system.ts';
import { lookAgain, type Watched } from '../../cli/system/watched.ts';
import { purposeOf } from '../../functions/engine/ledger/execution-purpose.ts';
import { defaultMachineName } from '../../infra/deployment.ts';
import type { Begun } from '../support/commands.ts';
import { withBackground } from './fixtures/background.ts';
import { type Operator, operator } from './operator.ts';

let at: Operator;
beforeAll(async () => {
  at = await operator({ fixture: 'background-handler', checkout: withBackground });
});
afterAll(() => at.close());
beforeEach(async () => {
  await at.begin();
  await at.runtime.database.query(`
    DROP TABLE IF EXISTS shelves;
    CREATE TABLE shelves (id int PRIMARY KEY, width_text text NOT NULL, width numeric);
    INSERT INTO shelves VALUES (1, '80')`);
  gates.clear();
  at.runtime.between.invocation = async (request, invoke) => {
    await gates.get(request.operation === 'batches' ? request.migration : request.operation)?.();
    return invoke();
  };
});

/** What a migration has to pass before each slice, and runs before another operation. */
const gates = new Map<string, () => Promise<void>>();

/** Holds a migration, or an operation, after so many invocations, until it is let go. */
function holdAfter(invocations: number, what: string): { readonly held: Promise<void>; letGo(): void } {
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let done = 0;
  const held = new Promise<void>((resolve) => {
    gates.set(what, async () => {
      if (++done > invocations) {
        resolve();
        await released;
      }
    });
  });
  return { held, letGo };
}

const does: Operator['does'] = (...args) => at.does(...args);
const started = async () => JSON.parse((await does('start', '--json')).stdout).execution_arn as string;
/** The execution whose ARN a watch has said behind this. */
const arnBehind = (purpose: string, said: string) =>
  new RegExp(`^${purpose}: (arn:\\S+)$`, 'm').exec(said)?.[1] ?? `no ${purpose}`;
const says = ({ said }: Begun) => expect.poll(() => said.stderr, { timeout: 20_000 });
const counted = (rows: number) => expect.objectContaining({ total_processed: rows });

test('watch shows a run and what it leaves to the background until all is over, and names what failed', async () => {
  await at.runtime.database.query(`UPDATE shelves SET width_text = 'wide'`);
  const [prices, labels] = [holdAfter(0, 'prices'), holdAfter(2, 'labels')];
  const release = await started();
  await prices.held;
  const watch = at.begins(['watch']);
  await says(watch).toContain(`the run of a release: ${release}\n`);
  prices.letGo();

  await labels.held;
  await says(watch).toMatch(/^shelves: 0 %, waits for labels, 33\.3 %$/m);
  expect(watch.said.stderr).toMatch(
    /^labels: 30 %, resting: leaves room for others, until \d{4}-.*, [\d,.]+ rows\/s, ends \d{4}-\d\d-\d\d \d\d:\d\d$/m,
  );
  expect(watch.said.stderr).toContain('prices: done, 60 rows\n');
  labels.letGo();
  const { code, stdout, stderr } = await watch.exited;
  expect(code).toBe(1);
  expect(stderr).toContain('labels: done, 60 rows\n');
  const [inLabels, inShelves] = ['labels', 'shelves'].map((name) =>
    arnBehind(`${name} in the background`, stderr),
  );
  expect(stderr).toContain(`${inLabels} ended SUCCEEDED\n`);
  expect(stderr).toMatch(
    new RegExp(
      `^${inShelves} ended FAILED\nErrorBudgetSpent\nmigration "shelves".*invalid input syntax`,
      'm',
    ),
  );
  // One after the other, as they ended: jq takes that.
  const [first, second] = stdout
    .split(/(?<=^\})\n/m)
    .filter(Boolean)
    .map((each) => JSON.parse(each));
  expect(first).toMatchObject({ prices: counted(60), labels: { state: 'background', execution: inLabels } });
  expect(second).toEqual({ labels: counted(60) });
});

test('watch picks up what somebody asks for meanwhile, draws bars on a terminal, and ends with 0 and all results by their executions', async () => {
  const labels = holdAfter(2, 'labels');
  await does('start', '--wait');
  await labels.held;
  const watch = at.begins(['watch', '--json'], { terminal: true });
  await says(watch).toMatch(/=+-+ 33 % {2}labels {2}20 of 60 {2}resting: .* rows\/s, ends /);

  const retry = does('retry', 'prices');
  await says(watch).toMatch(
    /retry prices {2}0 of 0 {2}waits for labels, 33\.3 %, which changes the same table public\.products/,
  );
  // A start that is refused is no failure of what is under way.
  const opening = holdAfter(0, 'open');
  const refused = await at.runtime.start({ retry: 'prices' });
  await says(watch).toContain(`retry prices: ${refused}`);
  opening.letGo();
  expect((await at.runtime.ended(refused)).error).toBe('MigrationsAlreadyRunning');
  labels.letGo();
  expect((await retry).code).toBe(0);

  const { code, stdout, stderr } = await watch.exited;
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/={24} 100 % {2}labels {2}60 of 60 {2}done/);
  const [, retried = ''] = /started (arn:\S+)/.exec((await retry).stderr) ?? [];
  expect(JSON.parse(stdout)).toEqual({
    [arnBehind('labels in the background', stderr)]: { labels: counted(60) },
    [arnBehind('shelves in the background', stderr)]: { shelves: counted(1) },
    [retried]: { prices: expect.objectContaining({ errors: 2 }) },
  });
});

test('watch finds what a run has left to the background before the list of executions has it', async () => {
  const [prices, labels] = [holdAfter(0, 'prices'), holdAfter(0, 'labels')];
  const release = await started();
  await prices.held;
  const system = await findSystem(ioOf(process), { machine: defaultMachineName }, withBackground);
  const watched: Watched = new Map();
  expect((await lookAgain(system, watched)).begun).toMatchObject([{ executionArn: release }]);
  system.sfn.middlewareStack.add(
    (next, { commandName }) =>
      async (request) =>
        commandName === 'ListExecutionsCommand'
          ? { response: {}, output: { executions: [], $metadata: {} } }
          : next(request),
    { step: 'initialize' },
  );
  prices.letGo();
  await at.runtime.ended(release);
  const { begun, ended } = await lookAgain(system, watched);
  expect(ended).toMatchObject([{ executionArn: release, status: 'SUCCEEDED' }]);
  expect(begun.map(purposeOf)).toEqual(['labels in the background', 'shelves in the background']);
  labels.letGo();
  system.close();
});

test('watch does not wait for one that is paused: it ends with 1, since that was stopped', async () => {
  const labels = holdAfter(2, 'labels');
  await does('start', '--wait');
  await labels.held;
  const watch = at.begins(['watch']);
  await says(watch).toMatch(/^labels: 30 %, resting/m);
  await does('pause', 'labels', '--reason', 'the sale is on');
  await does('pause', 'shelves');
  labels.letGo();
  const { code, stdout, stderr } = await watch.exited;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^arn:\S+ ended ABORTED\nPaused\npaused by \S+: the sale is on\nnpx migrations resume labels goes on$/m,
  );
  expect(stderr).toMatch(/^labels: 30 %, paused by \S+ at .*: the sale is on$/m);
  expect(await does('watch')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('no run is under way'),
  });
  expect(await does('watch', '--json')).toMatchObject({ code: 1, stdout: '{}\n' });
});
