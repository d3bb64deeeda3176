import { afterAll, beforeAll, expect, test } from 'vitest';
import { who } from '../../cli/system/who.ts';
import type { Background, ResultMap } from '../../functions/contract.ts';
import type { HistoryLine } from '../../functions/engine/ledger/history.ts';
import { type Commands, commandsAt } from '../support/commands.ts';
import { demoSql } from '../support/demo.ts';
import { type Batch, type HeldMigration, holdMigration } from '../support/held-migration.ts';
import { type OwnPostgres, ownPostgres } from '../support/own-postgres.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { rebuildJob, rows, thirtyDays } from './fixtures/thirty-days.ts';

const numbers = Array.from({ length: 20 }, (_, i) => i + 1);
const notes = 3;
const events = 300;
let postgres: OwnPostgres;
let chain: TestRuntime;
let commands: Commands;
let probe: HeldMigration;
/** The executions of the probe, parts left out, and whether the last of them goes on. */
const executions: string[] = [];
let isAtWork = false;

beforeAll(async () => {
  postgres = await ownPostgres('release-drill');
  chain = await startTestRuntime({
    fixture: 'release-drill',
    cluster: postgres.url,
    // More than the probe gets between two releases, which alone make it go on in its next part; what is left after the last one
    // takes several.
    environment: { SLICES_PER_EXECUTION: '12' },
    secondMs: 0.002, // six hours last 43 ms
  });
  commands = commandsAt(chain);
  probe = holdMigration(chain, 'probe', 'counters');
  await chain.database.query(await demoSql('schema'));
  await chain.database.query(`
    CREATE TABLE counters (id integer PRIMARY KEY, value integer NOT NULL DEFAULT 0, changed_by text);
    INSERT INTO counters SELECT n FROM generate_series(1, ${rows}) AS n;
    CREATE TABLE notes (id integer PRIMARY KEY, releases text[] NOT NULL DEFAULT '{release-0}');
    INSERT INTO notes SELECT n FROM generate_series(1, ${notes}) AS n;
    INSERT INTO employee_events (employee_id, type, payload, occurred_at)
    SELECT md5('employee ' || n)::uuid, 'hired', convert_to(payload::text, 'UTF8'), now()
    FROM generate_series(1, ${events}) AS n,
      (VALUES ('{"name": "Ada", "title": "Engineer", "office": "Berlin", "on": "2020-01-01"}'::json)) AS e (payload)`);
});
afterAll(async () => {
  commands.close();
  await chain.close();
  await postgres.close();
});

test('promise 13: a migration of 30 days outlives twenty releases, none of which waits for it, and all that goes wrong meanwhile', async () => {
  await releases(1, 3);
  await stoppedInItsRest();
  await releases(4, 6);
  await workerKilled();
  await releases(7, 8);
  await paused();
  await releasesWhilePaused(9, 10);
  await resumed(10);
  await releases(11, 12);
  await databaseCrashed();
  await releases(13, 14);
  const late = await stoppedInASlice();
  await releases(15, 15);
  await arrives(late);
  await releaseThatForgetsIt(16);
  await releases(17, 17);
  await stoppedInItsRest();
  await releases(18, 20);

  probe.give(Number.POSITIVE_INFINITY);
  const { status, result } = await chain.ended(current());
  expect({ status, result }).toEqual({
    status: 'SUCCEEDED',
    result: {
      probe: counted(rows),
      next_jobs: [rebuildJob],
      next_executions: [expect.stringContaining(`:execution:${rebuildJob}:`)],
    },
  });
  expect(await counters()).toEqual([{ value: 1, rows }]);
  await expectRebuilds(21, current());
  await expectChangedByAllReleasesBut(9, 16);
  await expectWholeHistory();
}, 300_000);

/** Makes releases, each of which leaves the probe alone or starts it again, and then gives it some slices. */
async function releases(first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number += 1) {
    const before = await changed();
    const found = (await release(number)).probe as Background;
    expect(found).toMatchObject({ state: 'background', total_processed: before });
    expect(executions.includes(found.execution)).toBe(isAtWork);
    if (!isAtWork) {
      begun(found.execution);
    }
    expect(found.execution).toBe(current());
    expect((await chain.describe(found.execution)).status).toBe('RUNNING');
    expect(await changed(), 'the release has waited for no slice').toBe(before);
    await goesOnWith(number);
  }
}

/** Releases one more migration and other code of the probe: the run succeeds, and so does the rebuild after it. */
async function release(number: number, environment: Record<string, string> = {}): Promise<ResultMap> {
  chain.release('release-drill', String(number), { RELEASE: String(number), ...environment });
  const { status, executionArn, result } = await chain.run();
  const { probe: _, ...others } = result;
  expect({ status, others }).toEqual({
    status: 'SUCCEEDED',
    others: {
      [`release-${number - 1}`]: 'skipped',
      [`release-${number}`]: counted(notes),
      next_jobs: [rebuildJob],
      next_executions: [expect.stringContaining(`:execution:${rebuildJob}:`)],
    },
  });
  await expectRebuilds(number, executionArn);
  return result;
}

/** Gives the probe some slices. The first may belong to the part that the release found; the others have the release's code. */
async function goesOnWith(release: number): Promise<void> {
  probe.give(4);
  await probe.held();
  const [run] = await chain.database.query('SELECT code FROM data_migrations.runs WHERE execution_arn = $1', [
    current(),
  ]);
  expect(run).toEqual({ code: String(release) });
}

async function stoppedInItsRest(): Promise<void> {
  await probe.rest();
  await stopped();
}

async function stoppedInASlice(): Promise<Batch> {
  const batch = await probe.batch();
  await stopped();
  return batch;
}

/** A batch of an execution that was stopped arrives when another one has taken its place: it changes nothing. */
async function arrives({ call, decide }: Batch): Promise<void> {
  const before = await counters();
  await chain.forward(call);
  expect(await counters()).toEqual(before);
  decide('refuse');
}

/** Its batch has just been committed, and nobody has told it so. */
async function workerKilled(): Promise<void> {
  const { call, decide } = await probe.batch();
  await chain.forward(call);
  await chain.crash();
  decide('refuse');
  await probe.held();
  const history = await chain.history(probe.execution);
  expect(history.map((event) => event.taskFailedEventDetails?.error)).toContain('Runtime.ExitError');
}

/** A batch has just been committed, and may be lost with that. */
async function databaseCrashed(): Promise<void> {
  const { call, decide } = await probe.batch();
  await chain.forward(call);
  await postgres.crash();
  decide('refuse');
  await postgres.restart();
  await probe.held();
}

async function paused(): Promise<void> {
  await does('pause', 'probe', '--reason', 'the sale is on');
  expect(await chain.ended(current())).toMatchObject({ status: 'ABORTED', error: 'Paused' });
  isAtWork = false;
  probe.give(1); // to the execution that was held, and is stopped now
}

async function releasesWhilePaused(first: number, last: number): Promise<void> {
  const before = await changed();
  for (let number = first; number <= last; number += 1) {
    expect((await release(number)).probe).toMatchObject({
      state: 'paused',
      by: who(),
      reason: 'the sale is on',
      total_processed: before,
    });
  }
  expect(await changed()).toBe(before);
}

async function resumed(release: number): Promise<void> {
  begun((await does('resume', 'probe')).trim());
  await goesOnWith(release);
}

async function releaseThatForgetsIt(number: number): Promise<void> {
  const { probe: found } = await release(number, { PROBE: 'forgotten' });
  expect(found).toMatchObject({ state: 'left unfinished', total_processed: await changed() });
  probe.give(1);
  expect(await chain.ended(current())).toMatchObject({ status: 'FAILED', error: 'NoLongerRegistered' });
  isAtWork = false;
}

/** Runs a command that is to succeed, and answers with what it says on stdout. */
async function does(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await commands.run(args, [thirtyDays('')]);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function stopped(): Promise<void> {
  expect((await does('stop', 'probe')).trim()).toBe(current());
  expect((await chain.describe(current())).status).toBe('ABORTED');
  isAtWork = false;
}

const current = (): string => executions.at(-1) ?? '';

function begun(execution: string): void {
  executions.push(execution);
  isAtWork = true;
}

/** How many rows the probe has changed. */
async function changed(): Promise<number> {
  const [row] = await chain.database.query<{ count: number }>('SELECT count(changed_by)::int FROM counters');
  return row?.count ?? 0;
}

const counters = () =>
  chain.database.query('SELECT value, count(*)::int AS rows FROM counters GROUP BY 1 ORDER BY 1');

const counted = (count: number) => ({
  total_processed: count,
  total_updated: count,
  errors: 0,
  duration_seconds: expect.any(Number),
});

/** So many rebuilds have been started, the last one by this run, and all succeed. */
async function expectRebuilds(count: number, startedBy: string | undefined): Promise<void> {
  const started = await chain.executions(chain.rebuildMachineArn);
  const rebuilds = await Promise.all(started.map((arn) => chain.ended(arn)));
  expect(rebuilds.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 'SUCCEEDED'));
  expect(rebuilds.at(-1)).toMatchObject({
    input: JSON.stringify({ AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: startedBy }),
    result: { events, projections: events },
  });
}

/** The code of each release has changed rows, where the probe went on with it. */
async function expectChangedByAllReleasesBut(...others: number[]): Promise<void> {
  const found = await chain.database.query<{ release: number }>(
    'SELECT changed_by::int AS release FROM counters GROUP BY 1 ORDER BY 1',
  );
  expect(found.map(({ release }) => release)).toEqual(numbers.filter((each) => !others.includes(each)));
}

async function expectWholeHistory(): Promise<void> {
  const lines = JSON.parse(await does('history', '--json')) as HistoryLine[];
  const ofProbe = JSON.parse(await does('history', 'probe', '--json')) as HistoryLine[];
  expect(ofProbe).toEqual(lines.filter(({ migration }) => migration === 'probe'));

  const [first, second, third, fourth, fifth, last] = executions as [string, ...string[]];
  const of = (run: string | null = null, ...told: string[]) => told.map((event) => ({ run, event }));
  const begins = ['run started', 'begun'];
  const parts = (count: number) => Array.from({ length: count }, () => 'run went on in its next part');
  const lastParts = (await chain.executions(chain.migrationsMachineArn)).filter((arn) =>
    arn.startsWith(`${last}-part-`),
  );
  expect(ofProbe.map(({ run, event }) => ({ run, event }))).toEqual([
    ...of(first, ...begins, ...parts(2), 'stopped', 'run found ended'),
    ...of(second, ...begins, ...parts(4)),
    ...of(null, 'paused', 'resumed'),
    ...of(second, 'run found ended'),
    ...of(third, ...begins, ...parts(4), 'stopped', 'run found ended'),
    ...of(fourth, ...begins, ...parts(1), 'run failed'),
    ...of(fifth, ...begins, 'stopped', 'run found ended'),
    ...of(last, ...begins, ...parts(lastParts.length), 'finished', 'run succeeded'),
  ]);
  const byHand = ['stopped', 'paused', 'resumed', 'run started', 'stopped', 'stopped'];
  expect(ofProbe.filter((line) => line.who === who()).map(({ event }) => event)).toEqual(byHand);
  expect(ofProbe.find(({ event }) => event === 'run failed')?.detail).toMatch(
    /NoLongerRegistered.*left unfinished/,
  );

  const ofReleases = lines.filter(({ migration }) => migration !== 'probe');
  expect(ofReleases.map(({ migration, event }) => [migration, event])).toEqual(
    numbers.flatMap((number) => [
      [null, 'run started'],
      [`release-${number}`, 'begun'],
      [`release-${number}`, 'finished'],
      [null, 'run succeeded'],
    ]),
  );
}
