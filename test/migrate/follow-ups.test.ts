import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Closed } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { type LambdaProcess, startEngine, type TestEngine } from '../support/engine.ts';
import {
  ask,
  batches,
  changes,
  close,
  fail,
  fill,
  first,
  jobs,
  probe,
  rows,
  run,
  running,
  second,
  third,
} from './probes.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => fill(engine));

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
    await running(engine, 'two', next);
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
      await running(engine, 'release', release);
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
    expect(await changes(engine, 'third')).toEqual([{ changed: 0, rows }]);
  });
});
