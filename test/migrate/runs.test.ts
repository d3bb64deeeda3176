import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Closed, MigrateRequest, Slice } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../functions/engine/batch/rewrite.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { runState } from '../../functions/engine/ledger/run-record.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { keptResult } from '../../functions/migrate/result-map.ts';
import type { Turn } from '../../functions/migrate/turn.ts';
import { caller, type LambdaProcess, startEngine, type TestEngine } from '../support/engine.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { rowsOf } from '../support/opened.ts';

const rows = 35;
const jobs = {
  rebuild: 'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild',
  report: 'arn:aws:states:eu-central-1:123456789012:stateMachine:report',
};

/** Adds 1 to every row of its table, once. */
const probe = (name: string, rebuilds: readonly (keyof typeof jobs)[] = []) =>
  backfill({
    name,
    table: name,
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + 1` },
    pace: { maxRows: 10, restSeconds: 5 }, // one batch a slice, and no test waits for a rest
    rebuilds,
  });
const first = probe('first', ['rebuild']);
const second = probe('second');
const third = probe('third', ['report', 'rebuild']);

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.forget();
  for (const table of ['first', 'second', 'third']) {
    await engine.database.query(`DROP TABLE IF EXISTS ${table}`);
    await engine.database.query(
      `CREATE TABLE ${table} (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)`,
    );
    await engine.database.query(`INSERT INTO ${table} SELECT n FROM generate_series(1, ${rows}) AS n`);
  }
});

const run = (name: string, redrives = 0) => caller(name, redrives);
const open = (name: string, redrives = 0): MigrateRequest => ({
  operation: 'open',
  run: run(name, redrives),
  input: {},
});
const ask = (
  operation: 'pending' | 'batches',
  name: string,
  migration: string,
  redrives = 0,
): MigrateRequest => ({
  operation,
  run: run(name, redrives),
  migration,
});
const close = (name: string, redrives = 0): MigrateRequest => ({
  operation: 'close',
  run: run(name, redrives),
});
const fail = (name: string, redrives = 0): MigrateRequest => ({
  operation: 'fail',
  run: run(name, redrives),
  error: 'Boom',
  cause: 'because',
  last_try: false,
});

/** An execution that has come so far. */
async function running(name: string, process: LambdaProcess, redrives = 0): Promise<void> {
  engine.executions.set(run(name).execution_arn, 'RUNNING');
  await process.invoke(open(name, redrives));
}

/** All slices of a migration. */
async function batches(name: string, migration: string, process: LambdaProcess, redrives = 0): Promise<void> {
  while (((await process.invoke(ask('batches', name, migration, redrives))) as Slice).state === 'more') {}
}

const changes = (table: string) =>
  engine.database.query(`SELECT changed, count(*)::int AS rows FROM ${table} GROUP BY 1 ORDER BY 1`);
const everyRowOnce = [{ changed: 1, rows }];
const statusOf = async (name: string) => {
  const lines = await engine.ledger<{ execution_arn: string; status: string }>('runs');
  return lines.find(({ execution_arn }) => execution_arn === run(name).execution_arn)?.status;
};

describe('Promise 4: one run at a time', () => {
  it('lets one of two starts at once run, and tells the other who does', async () => {
    engine.executions.set(run('one').execution_arn, 'RUNNING').set(run('two').execution_arn, 'RUNNING');
    const starts = ['one', 'two'].map((name) => engine.process([second]).invoke(open(name)));
    const [one, two] = await Promise.allSettled(starts);
    const refused = one?.status === 'rejected' ? one : two;
    const winner = refused === one ? 'two' : 'one';
    expect([one?.status, two?.status].sort()).toEqual(['fulfilled', 'rejected']);
    expect((refused as PromiseRejectedResult).reason).toMatchObject({
      name: 'MigrationsAlreadyRunning',
      message: expect.stringContaining(`${run(winner).execution_arn} holds the ledger and is still running`),
    });
  });

  it('takes over from a holder that does not run any more, and goes on from its checkpoint', async () => {
    const process = engine.process([first], { followUps: jobs });
    await running('dead', process);
    await process.invoke(ask('pending', 'dead', 'first'));
    await process.invoke(ask('batches', 'dead', 'first'));
    engine.executions.set(run('dead').execution_arn, 'ABORTED');

    const result = await engine.run([first], { name: 'next', followUps: jobs });
    expect(result.first).toMatchObject({ total_processed: rows, total_updated: rows });
    expect(await changes('first')).toEqual(everyRowOnce);
    expect(await statusOf('dead')).toBe('abandoned');
  });

  it.each(['FAILED', 'TIMED_OUT', 'ABORTED', 'SUCCEEDED', undefined])(
    'takes the place of a holder that is %s',
    async (status) => {
      const process = engine.process([second]);
      await running('dead', process);
      engine.executions.delete(run('dead').execution_arn);
      if (status) {
        engine.executions.set(run('dead').execution_arn, status);
      }
      await running('next', process);
      expect([await statusOf('dead'), await statusOf('next')]).toEqual(['abandoned', 'running']);
    },
  );

  it('does not take the place of a holder that waits to be redriven', async () => {
    const process = engine.process([second]);
    await running('waiting', process);
    engine.executions.set(run('waiting').execution_arn, 'PENDING_REDRIVE');
    await expect(running('next', process)).rejects.toThrow('holds the ledger and is still running');
  });

  it('lets one of many that find a dead holder take its place', async () => {
    const process = engine.process([second]);
    await running('dead', process);
    engine.executions.set(run('dead').execution_arn, 'FAILED');
    const names = ['a', 'b', 'c', 'd'];
    const starts = await Promise.allSettled(names.map((name) => running(name, engine.process([second]))));
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const running1 = (await engine.ledger<{ status: string }>('runs')).filter(
      ({ status }) => status === 'running',
    );
    expect(running1).toHaveLength(1);
  });

  it('refuses whatever a run asks after another has taken its place', async () => {
    const process = engine.process([second]);
    await running('dead', process);
    await process.invoke(ask('pending', 'dead', 'second'));
    engine.executions.set(run('dead').execution_arn, 'ABORTED');
    await running('next', process);
    for (const request of [
      open('dead'),
      ask('pending', 'dead', 'second'),
      ask('batches', 'dead', 'second'),
      close('dead'),
    ]) {
      await expect(process.invoke(request), request.operation).rejects.toMatchObject({ name: 'Superseded' });
    }
    await process.invoke(fail('dead'));
    expect([await statusOf('dead'), await statusOf('next')]).toEqual(['abandoned', 'running']);
    expect(await changes('second')).toEqual([{ changed: 0, rows }]);
  });

  it('keeps a zombie of a stopped run from writing once the next run goes on', async () => {
    const restless = { ...rowsOf(second), pace: { ...rowsOf(second).pace, restSeconds: 0 } };
    const zombie = engine.process([restless]);
    await running('stopped', zombie);
    await zombie.invoke(ask('pending', 'stopped', 'second'));
    let wake: () => void = () => {};
    const awake = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let updates = 0;
    engine.between = async ({ process, sql: text }): Promise<Fault> => {
      if (process !== zombie || !text.includes('UPDATE "public"."second"')) {
        return 'pass';
      }
      updates += 1;
      if (updates === 2) {
        zombie.abandon();
      }
      if (updates >= 2) {
        await awake;
      }
      return 'pass';
    };
    await expect(zombie.invoke(ask('batches', 'stopped', 'second'))).rejects.toThrow('given up');
    engine.executions.set(run('stopped').execution_arn, 'ABORTED');

    const next = engine.process([second]);
    await running('next', next);
    await next.invoke(ask('pending', 'next', 'second'));
    wake();
    await engine.settled();
    expect(await changes('second')).toEqual([
      { changed: 0, rows: rows - 10 },
      { changed: 1, rows: 10 },
    ]);
    await batches('next', 'second', next);
    expect(await changes('second')).toEqual(everyRowOnce);
  });

  it('knows a redrive from a zombie of the try before it', async () => {
    const process = engine.process([second]);
    await running('again', process);
    await process.invoke(ask('pending', 'again', 'second'));
    await process.invoke(ask('batches', 'again', 'second'));
    await process.invoke(fail('again'));
    await expect(process.invoke(ask('batches', 'again', 'second'))).rejects.toMatchObject({
      name: 'Superseded',
    });

    // A redrive begins at the state that failed, and asks first whether the migration is still its own.
    expect(await process.invoke(ask('batches', 'again', 'second', 1))).toMatchObject({ state: 'wait' });
    await process.invoke(ask('pending', 'again', 'second', 1));
    await process.invoke(ask('batches', 'again', 'second', 1));
    await expect(process.invoke(ask('batches', 'again', 'second', 0))).rejects.toMatchObject({
      name: 'Superseded',
    });
    await process.invoke(fail('again', 0));
    expect(await statusOf('again')).toBe('running');
    await batches('again', 'second', process, 1);
    expect(await changes('second')).toEqual(everyRowOnce);
  });

  it('keeps a zombie of the try before from claiming a redriven run', async () => {
    const zombie = engine.process([second]);
    await running('again', zombie);
    await zombie.invoke(ask('pending', 'again', 'second'));
    let wake: () => void = () => {};
    const awake = new Promise<void>((resolve) => {
      wake = resolve;
    });
    engine.between = async ({ process, sql: text }) => {
      if (process === zombie && text.includes('claimed AS')) {
        await awake;
      }
      return undefined;
    };
    const late = zombie.invoke(ask('batches', 'again', 'second'));
    await engine.settled();
    const process = engine.process([second]);
    await process.invoke(fail('again'));
    await process.invoke(ask('pending', 'again', 'second', 1));
    await process.invoke(ask('batches', 'again', 'second', 1));
    wake();
    await expect(late).rejects.toMatchObject({ name: 'Superseded' });
    expect(await changes('second')).toEqual([
      { changed: 0, rows: rows - 10 },
      { changed: 1, rows: 10 },
    ]);
  });

  it('lets a redrive close a run that failed while it was being closed', async () => {
    const process = engine.process([first], { followUps: jobs });
    await running('late', process);
    await process.invoke(ask('pending', 'late', 'first'));
    await batches('late', 'first', process);
    await process.invoke(fail('late'));
    const closed = (await process.invoke(close('late', 1))) as Closed;
    expect(closed).toMatchObject({
      state: 'succeeded',
      result: { first: { total_updated: rows }, next_jobs: ['rebuild'] },
      follow_ups: [{ job: 'rebuild', execution_name: 'late' }],
    });
  });

  it('does not let a redrive close while another run goes on', async () => {
    const process = engine.process([second]);
    await running('late', process);
    await process.invoke(fail('late'));
    await running('next', process);
    await expect(process.invoke(close('late', 1))).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
    });
    expect(await statusOf('next')).toBe('running');
  });
});

describe('Promise 9: a run whose history gets long goes on in parts', () => {
  const limit = { followUps: jobs, slicesPerExecution: 2 };

  it('does everything exactly once over many parts, and has the results of all of them', async () => {
    const parts: number[] = [];
    const result = await engine.run([first, second, third], {
      ...limit,
      name: 'long',
      after: ({ operation, run: { part } }) => operation === 'open' && parts.push(part),
    });
    for (const name of ['first', 'second', 'third']) {
      expect(result[name]).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
      expect(await changes(name)).toEqual(everyRowOnce);
    }
    expect(result.next_jobs).toEqual(['rebuild', 'report']);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts).toEqual(parts.map((_, i) => i + 1));
    const slices = (await engine.ledger<{ slices: number }>('runs')).map((line) => line.slices);
    expect(Math.max(...slices)).toBeLessThanOrEqual(2);
  });

  it('starts follow-up jobs after the last part only', async () => {
    const owed: unknown[] = [];
    await engine.run([first, second], {
      ...limit,
      after: ({ operation }, answer) =>
        operation === 'close' && owed.push((answer as { follow_ups?: unknown }).follow_ups),
    });
    expect(owed.slice(0, -1).every((jobsOfPart) => jobsOfPart === undefined)).toBe(true);
    expect(owed.at(-1)).toMatchObject([{ job: 'rebuild' }]);
  });

  /** A run whose first part has had its slices. */
  async function longRun(process: LambdaProcess): Promise<void> {
    await running('long', process);
    await process.invoke(ask('pending', 'long', 'second'));
    for (const _ of [1, 2]) {
      await process.invoke(ask('batches', 'long', 'second'));
    }
    expect(await process.invoke(close('long'))).toEqual({ state: 'continued' });
  }
  const part2 = (operation: 'batches' | 'pending'): MigrateRequest => ({
    operation,
    run: caller('long', 0, 2),
    migration: 'second',
  });
  const openPart2: MigrateRequest = {
    operation: 'open',
    run: caller('long', 0, 2),
    input: { part_of: 'it' },
  };

  it('keeps others out as long as its first execution runs, whichever part is at work', async () => {
    const process = engine.process([second], limit);
    await longRun(process);
    await expect(running('other', process)).rejects.toMatchObject({ name: 'MigrationsAlreadyRunning' });
    await process.invoke(openPart2);
    await expect(running('other', process)).rejects.toMatchObject({ name: 'MigrationsAlreadyRunning' });
    expect(await statusOf('long')).toBe('running');
  });

  it('refuses a part of it that is followed by the next, and a part of a run that nobody knows', async () => {
    const process = engine.process([second], limit);
    await longRun(process);
    await process.invoke(openPart2);
    await process.invoke(part2('pending'));
    for (const request of [ask('batches', 'long', 'second'), open('long')]) {
      await expect(process.invoke(request)).rejects.toMatchObject({ name: 'Superseded' });
    }
    await process.invoke(part2('batches'));
    const unknown = { ...openPart2, run: caller('unknown', 0, 2) };
    await expect(process.invoke(unknown)).rejects.toMatchObject({
      name: 'Superseded',
      message: expect.stringContaining('the ledger knows no run'),
    });
  });

  it('lets others in if its first execution has ended, and ends its part', async () => {
    const process = engine.process([second], limit);
    await longRun(process);
    await process.invoke(openPart2);
    await process.invoke(part2('pending'));
    engine.executions.set(run('long').execution_arn, 'ABORTED');
    await engine.run([second], { name: 'other' });
    await expect(process.invoke(part2('batches'))).rejects.toMatchObject({ name: 'Superseded' });
    expect(await changes('second')).toEqual(everyRowOnce);
  });

  it('says the same when its close is asked again', async () => {
    const process = engine.process([second], limit);
    await longRun(process);
    expect(await process.invoke(close('long'))).toEqual({ state: 'continued' });
  });
});

describe('A run of many migrations, each with the longest samples of row errors', () => {
  const many = Array.from({ length: 25 }, (_, i) => `many-${i}`);
  const refusing = many.map((name) =>
    rewrite<{ changed: number }>({
      name,
      table: 'first',
      key: 'id',
      columns: ['changed'],
      where: sql`changed = 0 AND id <= 12`,
      transform: () => {
        throw new RangeError('wrong '.repeat(50));
      },
    }),
  );

  it('has all of them in its result', async () => {
    const result = await engine.run(refusing, { name: 'many' });
    expect(Object.keys(result)).toEqual(many);
    for (const name of many) {
      const samples = Array.from({ length: 10 }, () => expect.objectContaining({ key: expect.any(String) }));
      expect(result[name]).toMatchObject({ errors: 12, error_samples: samples });
    }
  });

  it('ends in the ledger when a later one fails, and says what it had finished', async () => {
    const wrong = backfill({
      name: 'wrong',
      table: 'second',
      key: 'id',
      immutableKey: true,
      set: { changed: sql`no_such_column` },
    });
    await expect(engine.run([...refusing, wrong], { name: 'many' })).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringContaining('. Before it, this run finished many-0, many-1,'),
    });
    expect(await statusOf('many')).toBe('failed');
  });

  it('keeps as many samples as an output takes, and the counters of every migration', async () => {
    await running('many', engine.process([second]));
    const counters = { total_processed: 10, total_updated: 0, errors: 10, duration_seconds: 0.1 };
    const sample = { key: '1', reason: 'ü'.repeat(300), sqlstate: null };
    const result = { ...counters, error_samples: Array<typeof sample>(10).fill(sample) };
    const names = Array.from({ length: 200 }, (_, i) => `many-${i}`);
    for (const migration of names) {
      const turn = {
        engine: { database: engine.dataApi() },
        run: run('many'),
        migration: { name: migration },
      };
      expect(await keptResult(turn as Turn, result)).toEqual(counters);
    }
    const { results } = await runState(engine.dataApi(), run('many'));
    expect(results.size).toBe(names.length);
    expect(results.get('many-0')).toEqual(result);
    expect(results.get('many-199')).toEqual(counters);
  });
});

describe('Promise 5: what is done stays done', () => {
  it('goes on after a stop at any call, and changes nothing twice', async () => {
    await engine.run([second], { followUps: jobs });
    const calls = engine.statements.length;
    for (let number = 1; number <= calls; number += 4) {
      await engine.forget();
      await engine.database.query('UPDATE second SET changed = 0');
      let count = 0;
      engine.between = ({ process }) => {
        count += 1;
        if (count === number) {
          process.kill();
        }
        return count === number ? 'refuse' : 'pass';
      };
      const process = engine.process([second]);
      const name = `stopped-${number}`;
      // The console's Stop: nobody is told, nobody tries again.
      await expect(stoppedRun(name, process)).rejects.toThrow('was killed');
      engine.executions.set(run(name).execution_arn, 'ABORTED');
      await engine.run([second]);
      expect(await changes('second'), `stopped at call ${number}`).toEqual(everyRowOnce);
      expect(await engine.run([second])).toEqual({ second: 'skipped' });
    }
  });

  async function stoppedRun(name: string, process: LambdaProcess): Promise<void> {
    await running(name, process);
    await process.invoke(ask('pending', name, 'second'));
    await batches(name, 'second', process);
    await process.invoke(close(name));
  }

  it('skips what an earlier run finished when a later migration failed', async () => {
    const broken = backfill({
      name: 'second',
      table: 'second',
      key: 'id',
      immutableKey: true,
      set: { changed: sql`no_such_function(1)` },
    });
    await expect(engine.run([first, broken, third], { followUps: jobs })).rejects.toMatchObject({
      name: 'MigrationFailed',
    });
    expect(await changes('third')).toEqual([{ changed: 0, rows }]);
    const result = await engine.run([first, second, third], { followUps: jobs });
    expect(result).toMatchObject({
      first: 'skipped',
      second: { total_updated: rows },
      third: { total_updated: rows },
    });
    for (const table of ['first', 'second', 'third']) {
      expect(await changes(table)).toEqual(everyRowOnce);
    }
  });
});

describe('Promise 7: follow-up jobs', () => {
  const broken = backfill({
    name: 'second',
    table: 'second',
    key: 'id',
    immutableKey: true,
    set: { changed: sql`no_such_function(1)` },
  });
  const owed = () => engine.ledger<{ job: string; run: string | null }>('follow_ups');

  it('are owed while a run fails, and started once by the run that succeeds', async () => {
    await expect(engine.run([first, broken], { followUps: jobs })).rejects.toThrow('no_such_function');
    expect(await owed()).toMatchObject([{ job: 'rebuild', run: null }]);
    const result = await engine.run([first, second], { name: 'fixed', followUps: jobs });
    expect(result.next_jobs).toEqual(['rebuild']);
    expect(await owed()).toMatchObject([
      { job: 'rebuild', run: run('fixed').execution_arn, execution_name: 'fixed' },
    ]);
  });

  it('are not started again by the next run while they run, nor once they have succeeded', async () => {
    await engine.run([first], { name: 'one', followUps: jobs });
    const job = 'arn:aws:states:eu-central-1:123456789012:execution:rebuild:one';
    engine.executions.set(job, 'RUNNING');
    expect(await engine.run([first], { followUps: jobs })).toEqual({ first: 'skipped' });
    engine.executions.set(job, 'SUCCEEDED');
    expect(await engine.run([first], { followUps: jobs })).toEqual({ first: 'skipped' });
    expect(await owed()).toEqual([]);
  });

  it.each(['FAILED', 'ABORTED', undefined])(
    'are started again by the next run when theirs is %s',
    async (status) => {
      await engine.run([first], { name: 'one', followUps: jobs });
      if (status) {
        engine.executions.set('arn:aws:states:eu-central-1:123456789012:execution:rebuild:one', status);
      }
      const result = await engine.run([first], { name: 'two', followUps: jobs });
      expect(result).toEqual({
        first: 'skipped',
        next_jobs: ['rebuild'],
        next_executions: ['arn:aws:states:eu-central-1:123456789012:execution:rebuild:two'],
      });
    },
  );

  it('stay with their run when its close is asked again late, after another run has come to owe them', async () => {
    const process = engine.process([first], { followUps: jobs });
    await engine.run([first], { name: 'one', followUps: jobs });
    engine.executions.set('arn:aws:states:eu-central-1:123456789012:execution:rebuild:one', 'SUCCEEDED');
    const again = probe('third', ['rebuild']);
    const next = engine.process([first, again], { followUps: jobs });
    await running('two', next);
    await next.invoke(ask('pending', 'two', 'third'));
    await batches('two', 'third', next);

    await process.invoke(close('one'));
    const closed = (await next.invoke(close('two'))) as Closed;
    expect(closed).toMatchObject({ follow_ups: [{ job: 'rebuild', execution_name: 'two' }] });
  });

  describe('of a run that is under way and has finished a migration', () => {
    const all = [first, second, third];
    let release: LambdaProcess;
    beforeEach(async () => {
      release = engine.process(all, { followUps: jobs });
      await running('release', release);
      await release.invoke(ask('pending', 'release', 'first'));
      await batches('release', 'first', release);
    });
    const meanwhile = (only: string) =>
      engine.run(all, { name: 'meanwhile', input: { only }, followUps: jobs });

    it('are left to it by a run that succeeds meanwhile, and started when it has succeeded', async () => {
      expect(await meanwhile('second')).toEqual({ second: expect.objectContaining({ total_updated: rows }) });
      expect(await release.invoke(close('release'))).toMatchObject({
        follow_ups: [{ job: 'rebuild', execution_name: 'release' }],
      });
    });

    it('are started by no run that succeeds meanwhile if it fails, but by the next one', async () => {
      expect(await meanwhile('second')).not.toHaveProperty('next_jobs');
      await release.invoke(fail('release'));
      expect(await owed()).toMatchObject([{ job: 'rebuild', run: null }]);
      expect(await engine.run([first, second], { followUps: jobs })).toMatchObject({
        next_jobs: ['rebuild'],
      });
    });

    it('are started by a run that succeeds meanwhile if its own migration declares them', async () => {
      expect(await meanwhile('third')).toMatchObject({ next_jobs: ['rebuild', 'report'] });
    });

    it('are started by a run for another migration once it was stopped, which nobody told the ledger', async () => {
      engine.executions.set(run('release').execution_arn, 'ABORTED');
      expect(await meanwhile('second')).toMatchObject({ next_jobs: ['rebuild'] });
    });
  });

  it('that are not deployed stop a run before it begins', async () => {
    const starting = engine.run([third], { followUps: { rebuild: jobs.rebuild } });
    await expect(starting).rejects.toThrow(
      'migration "third" declares report, which is not deployed; deployed are: rebuild.',
    );
    expect(await changes('third')).toEqual([{ changed: 0, rows }]);
  });
});
