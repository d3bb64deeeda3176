import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../functions/engine/batch/rewrite.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { runState } from '../../functions/engine/ledger/run-record.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { keptResult } from '../../functions/migrate/result-map.ts';
import type { Turn } from '../../functions/migrate/turn.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { fill, run, running, second, statusOf } from './probes.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => fill(engine));

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
    expect(await statusOf(engine, 'many')).toBe('failed');
  });

  it('keeps as many samples as an output takes, and the counters of every migration', async () => {
    await running(engine, 'many', engine.process([second]));
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
