import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Closed, MigrateRequest } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { caller, type LambdaProcess, startEngine, type TestEngine } from '../support/engine.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { rowsOf } from '../support/opened.ts';
import {
  ask,
  batches,
  changes,
  close,
  everyRowOnce,
  fail,
  fill,
  first,
  jobs,
  open,
  rows,
  run,
  running,
  second,
  statusOf,
  third,
} from './probes.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => fill(engine));

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
    await running(engine, 'dead', process);
    await process.invoke(ask('pending', 'dead', 'first'));
    await process.invoke(ask('batches', 'dead', 'first'));
    engine.executions.set(run('dead').execution_arn, 'ABORTED');

    const result = await engine.run([first], { name: 'next', followUps: jobs });
    expect(result.first).toMatchObject({ total_processed: rows, total_updated: rows });
    expect(await changes(engine, 'first')).toEqual(everyRowOnce);
    expect(await statusOf(engine, 'dead')).toBe('abandoned');
  });

  it.each(['FAILED', 'TIMED_OUT', 'ABORTED', 'SUCCEEDED', undefined])(
    'takes the place of a holder that is %s',
    async (status) => {
      const process = engine.process([second]);
      await running(engine, 'dead', process);
      engine.executions.delete(run('dead').execution_arn);
      if (status) {
        engine.executions.set(run('dead').execution_arn, status);
      }
      await running(engine, 'next', process);
      expect([await statusOf(engine, 'dead'), await statusOf(engine, 'next')]).toEqual([
        'abandoned',
        'running',
      ]);
    },
  );

  it('does not take the place of a holder that waits to be redriven', async () => {
    const process = engine.process([second]);
    await running(engine, 'waiting', process);
    engine.executions.set(run('waiting').execution_arn, 'PENDING_REDRIVE');
    await expect(running(engine, 'next', process)).rejects.toThrow('holds the ledger and is still running');
  });

  it('lets one of many that find a dead holder take its place', async () => {
    const process = engine.process([second]);
    await running(engine, 'dead', process);
    engine.executions.set(run('dead').execution_arn, 'FAILED');
    const names = ['a', 'b', 'c', 'd'];
    const starts = await Promise.allSettled(
      names.map((name) => running(engine, name, engine.process([second]))),
    );
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const running1 = (await engine.ledger<{ status: string }>('runs')).filter(
      ({ status }) => status === 'running',
    );
    expect(running1).toHaveLength(1);
  });

  it('refuses whatever a run asks after another has taken its place', async () => {
    const process = engine.process([second]);
    await running(engine, 'dead', process);
    await process.invoke(ask('pending', 'dead', 'second'));
    engine.executions.set(run('dead').execution_arn, 'ABORTED');
    await running(engine, 'next', process);
    for (const request of [
      open('dead'),
      ask('pending', 'dead', 'second'),
      ask('batches', 'dead', 'second'),
      close('dead'),
    ]) {
      await expect(process.invoke(request), request.operation).rejects.toMatchObject({ name: 'Superseded' });
    }
    await process.invoke(fail('dead'));
    expect([await statusOf(engine, 'dead'), await statusOf(engine, 'next')]).toEqual([
      'abandoned',
      'running',
    ]);
    expect(await changes(engine, 'second')).toEqual([{ changed: 0, rows }]);
  });

  it('keeps a zombie of a stopped run from writing once the next run goes on', async () => {
    const restless = { ...rowsOf(second), pace: { ...rowsOf(second).pace, restSeconds: 0 } };
    const zombie = engine.process([restless]);
    await running(engine, 'stopped', zombie);
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
    await running(engine, 'next', next);
    await next.invoke(ask('pending', 'next', 'second'));
    wake();
    await engine.settled();
    expect(await changes(engine, 'second')).toEqual([
      { changed: 0, rows: rows - 10 },
      { changed: 1, rows: 10 },
    ]);
    await batches('next', 'second', next);
    expect(await changes(engine, 'second')).toEqual(everyRowOnce);
  });

  it('knows a redrive from a zombie of the try before it', async () => {
    const process = engine.process([second]);
    await running(engine, 'again', process);
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
    expect(await statusOf(engine, 'again')).toBe('running');
    await batches('again', 'second', process, 1);
    expect(await changes(engine, 'second')).toEqual(everyRowOnce);
  });

  it('keeps a zombie of the try before from claiming a redriven run', async () => {
    const zombie = engine.process([second]);
    await running(engine, 'again', zombie);
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
    expect(await changes(engine, 'second')).toEqual([
      { changed: 0, rows: rows - 10 },
      { changed: 1, rows: 10 },
    ]);
  });

  it('lets a redrive close a run that failed while it was being closed', async () => {
    const process = engine.process([first], { followUps: jobs });
    await running(engine, 'late', process);
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
    await running(engine, 'late', process);
    await process.invoke(fail('late'));
    await running(engine, 'next', process);
    await expect(process.invoke(close('late', 1))).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
    });
    expect(await statusOf(engine, 'next')).toBe('running');
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
      expect(await changes(engine, name)).toEqual(everyRowOnce);
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
    await running(engine, 'long', process);
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
    await expect(running(engine, 'other', process)).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
    });
    await process.invoke(openPart2);
    await expect(running(engine, 'other', process)).rejects.toMatchObject({
      name: 'MigrationsAlreadyRunning',
    });
    expect(await statusOf(engine, 'long')).toBe('running');
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
    expect(await changes(engine, 'second')).toEqual(everyRowOnce);
  });

  it('says the same when its close is asked again', async () => {
    const process = engine.process([second], limit);
    await longRun(process);
    expect(await process.invoke(close('long'))).toEqual({ state: 'continued' });
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
      expect(await changes(engine, 'second'), `stopped at call ${number}`).toEqual(everyRowOnce);
      expect(await engine.run([second])).toEqual({ second: 'skipped' });
    }
  });

  async function stoppedRun(name: string, process: LambdaProcess): Promise<void> {
    await running(engine, name, process);
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
    expect(await changes(engine, 'third')).toEqual([{ changed: 0, rows }]);
    const result = await engine.run([first, second, third], { followUps: jobs });
    expect(result).toMatchObject({
      first: 'skipped',
      second: { total_updated: rows },
      third: { total_updated: rows },
    });
    for (const table of ['first', 'second', 'third']) {
      expect(await changes(engine, table)).toEqual(everyRowOnce);
    }
  });
});
