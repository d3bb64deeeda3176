import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { sendMetrics } from '../functions/send-metrics.ts';
import { type Emitted, emittedIn } from './support/emitted.ts';

let written = '';
const warned: string[] = [];
const logger = { warn: (message: string) => warned.push(message) };

beforeEach(() => {
  written = '';
  warned.length = 0;
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const emitted = (): Emitted[] => emittedIn(written.split('\n'));

it('sends each of thousands of batches, in lines that CloudWatch takes, all with their dimensions', () => {
  const seconds = Array.from({ length: 1_234 }, (_, i) => i / 1_000);
  sendMetrics('shop', logger).ofMigration('a', {
    RowsProcessed: 5,
    BatchSeconds: seconds,
    LockSeconds: seconds,
  });
  expect(
    emitted()
      .filter(({ name }) => name === 'BatchSeconds')
      .flatMap(({ values }) => values),
  ).toEqual(seconds);
  expect(
    emitted()
      .filter(({ name }) => name === 'LockSeconds')
      .flatMap(({ values }) => values),
  ).toEqual(seconds);
  expect(emitted().filter(({ name }) => name === 'RowsProcessed')).toHaveLength(1);
  for (const { values, dimensionSets, dimensions } of emitted()) {
    expect(values.length).toBeLessThanOrEqual(100);
    expect(dimensionSets).toEqual([['stack'], ['stack', 'migration']]);
    expect(dimensions).toEqual({ stack: 'shop', migration: 'a' });
  }
});

it('sends what is of the stack without the name of a migration', () => {
  const metrics = sendMetrics('shop', logger);
  metrics.ofMigration('a', { Lanes: 2 });
  metrics.ofStack({ RunsFailed: 1 });
  expect(emitted().find(({ name }) => name === 'RunsFailed')).toEqual({
    name: 'RunsFailed',
    unit: 'Count',
    values: [1],
    dimensionSets: [['stack']],
    dimensions: { stack: 'shop' },
  });
});

it('leaves out what is not known, and writes nothing where nothing is', () => {
  const metrics = sendMetrics('shop', logger);
  metrics.ofMigration('a', { RowsProcessed: 1, SecondsLate: undefined, BatchSeconds: [] });
  expect(emitted().map(({ name }) => name)).toEqual(['RowsProcessed']);
  written = '';
  metrics.ofMigration('a', { BatchSeconds: [] });
  expect(written).toBe('');
});

it('never fails a slice: what is no number is a warning, and the next metrics are sent as ever', () => {
  const metrics = sendMetrics('shop', logger);
  metrics.ofMigration('a', { RowsProcessed: 1, RowsLeft: '?' as unknown as number });
  metrics.ofMigration('a', { RowsProcessed: 'many' as unknown as number });
  expect(warned).toEqual(['metrics that could not be sent', 'metrics that could not be sent']);
  metrics.ofMigration('b', { Lanes: 1 });
  expect(emitted().at(-1)).toMatchObject({ name: 'Lanes', dimensions: { stack: 'shop', migration: 'b' } });
});
