import { describe, expect, it } from 'vitest';
import type { Answer, Counters } from '../../functions/contract.ts';
import { nextJobs, resultMap } from '../../functions/migrate/result-map.ts';

const counters = (samples: number): Counters => ({
  total_processed: 10,
  total_updated: 9,
  errors: samples,
  duration_seconds: 0.1,
  error_samples: Array.from({ length: samples }, (_, i) => ({
    key: String(i),
    reason: 'ü'.repeat(300),
    sqlstate: '23514',
  })),
  validations: [{ name: 'no_nulls', passed: false, failed_rows: 2, keys: ['1', '2'] }],
});

describe('the result map', () => {
  it('has every registered migration in order, skipped where it had no work', () => {
    const result = resultMap(['b', 'a'], new Map([['a', counters(1)]]), {}, true);
    expect(Object.entries(result)).toEqual([
      ['b', 'skipped'],
      ['a', counters(1)],
    ]);
  });

  it('names the follow-up jobs, and the ARNs of their executions, only when there are any', () => {
    const jobs = { rebuild: 'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild-orders' };
    expect(nextJobs([], jobs)).toEqual({});
    const [job, execution_name] = ['rebuild', 'run'];
    expect(resultMap(['a'], new Map(), nextJobs([{ job, execution_name }], jobs), true)).toEqual({
      a: 'skipped',
      next_jobs: ['rebuild'],
      next_executions: ['arn:aws:states:eu-central-1:123456789012:execution:rebuild-orders:run'],
    });
  });

  it('promise 15: has no keys and values of rows unless they are asked for', () => {
    const answer = { validations: counters(0).validations ?? [] };
    const results = new Map<string, Counters | Answer>([
      ['a', counters(1)],
      ['b', answer],
    ]);
    const validations = [{ name: 'no_nulls', passed: false, failed_rows: 2 }];
    expect(resultMap(['a', 'b'], results, {}, false)).toEqual({
      a: { total_processed: 10, total_updated: 9, errors: 1, duration_seconds: 0.1, validations },
      b: { validations },
    });
  });

  it('promise 9: stays below 256 KiB by leaving out samples and keys, never a migration or a counter', () => {
    const names = Array.from({ length: 200 }, (_, i) => `migration-${i}`);
    const result = resultMap(names, new Map(names.map((name) => [name, counters(10)])), {}, true);
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(256 * 1024);
    expect(Object.keys(result)).toEqual(names);
    expect(result['migration-7']).toEqual({
      total_processed: 10,
      total_updated: 9,
      errors: 10,
      duration_seconds: 0.1,
      validations: [{ name: 'no_nulls', passed: false, failed_rows: 2 }],
    });
  });
});
