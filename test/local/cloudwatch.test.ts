import { describe, expect, test } from 'vitest';
import type { AlarmSpec } from '../../local/cloudwatch/alarm.ts';
import { CloudWatch } from '../../local/cloudwatch/cloudwatch.ts';
import { datapointsIn } from '../../local/cloudwatch/embedded-metrics.ts';
import { statisticOf } from '../../local/cloudwatch/statistic.ts';

const line = (over: object = {}, metric: object = { Name: 'Rows', Unit: 'Count' }) =>
  JSON.stringify({
    _aws: {
      Timestamp: 1_000,
      CloudWatchMetrics: [
        { Namespace: 'Probe', Dimensions: [['stack'], ['stack', 'migration']], Metrics: [metric] },
      ],
    },
    stack: 'one',
    migration: 'prices',
    Rows: [1, 2],
    ...over,
  });

describe('a line of a log', () => {
  test('has a datapoint for each metric and each set of dimensions', () => {
    const both = { namespace: 'Probe', name: 'Rows', unit: 'Count', at: 1_000, values: [1, 2] };
    expect(datapointsIn(line())).toEqual([
      { ...both, dimensions: { stack: 'one' } },
      { ...both, dimensions: { stack: 'one', migration: 'prices' } },
    ]);
    expect(datapointsIn(line({ Rows: 3 }))[0]?.values).toEqual([3]);
    expect(datapointsIn('REPORT RequestId: 1')).toEqual([]);
  });

  test.each([
    ['a dimension without a value', line({ migration: undefined })],
    ['a metric without a value', line({ Rows: undefined })],
    ['a value that is text', line({ Rows: 'many' })],
    ['more values than a line may have', line({ Rows: Array(101).fill(1) })],
    ['a field that the format does not have', line({}, { Name: 'Rows', Unit: 'Count', Resolution: 1 })],
  ])('is refused with %s, which CloudWatch would drop without a word', (_, text) => {
    expect(() => datapointsIn(text)).toThrow();
  });
});

test('A percentile is a value that so many do not exceed', () => {
  expect(statisticOf('p90', [10, 1, 2, 3, 4, 5, 6, 7, 8, 9])).toBe(9);
  expect(statisticOf('p90', [7])).toBe(7);
  expect(statisticOf('p90', [])).toBeUndefined();
  expect(() => statisticOf('p100x', [1])).toThrow('the statistic p100x is not known here');
});

describe('an alarm', () => {
  const minute = 60_000;
  const alarm: AlarmSpec = {
    ...{ name: 'many', description: '', namespace: 'Probe', metric: 'Rows', dimensions: { stack: 'one' } },
    ...{ unit: 'Count', statistic: 'Sum', periodSeconds: 60, evaluationPeriods: 3, datapointsToAlarm: 2 },
    ...{ threshold: 10, comparison: 'GreaterThanOrEqualToThreshold', missingData: 'notBreaching' },
  };
  /** Whether it is going off in the minute 10, and in the hour after, with values in some minutes. */
  function states(spec: Partial<AlarmSpec>, values: Readonly<Record<number, number>>): boolean[] {
    const cloudwatch = new CloudWatch([{ ...alarm, ...spec }]);
    for (const [at, value] of Object.entries(values)) {
      const given = { namespace: 'Probe', name: 'Rows', unit: 'Count', dimensions: { stack: 'one' } };
      cloudwatch.put({ ...given, at: Number(at) * minute, values: [value] });
    }
    return [10, 70].map((at) => cloudwatch.goingOff(at * minute).length > 0);
  }

  test('goes off when so many of the periods reach the threshold, and is over when they do no longer', () => {
    expect(states({}, { 8: 10, 10: 10 })).toEqual([true, false]);
    expect(states({}, { 10: 10 })).toEqual([false, false]);
    expect(states({}, { 8: 10, 10: 9 })).toEqual([false, false]);
    expect(states({}, { 7: 10, 10: 10 })).toEqual([false, false]);
    expect(states({ threshold: 1, comparison: 'LessThanThreshold' }, { 8: 0, 9: 0, 10: 1 })).toEqual([
      true,
      false,
    ]);
  });

  test('takes missing data as it says', () => {
    expect(states({ missingData: 'breaching' }, { 8: 1, 9: 1, 10: 1 })).toEqual([false, true]);
    expect(states({ missingData: 'ignore' }, { 8: 10, 10: 10 })).toEqual([true, true]);
    expect(states({ missingData: 'missing' }, { 8: 10, 10: 10 })).toEqual([true, false]);
  });

  test('sees no metric with other dimensions or another unit', () => {
    expect(states({ dimensions: {} }, { 8: 10, 10: 10 })).toEqual([false, false]);
    expect(states({ dimensions: { stack: 'one', migration: 'prices' } }, { 8: 10, 10: 10 })).toEqual([
      false,
      false,
    ]);
    expect(states({ unit: 'Seconds' }, { 8: 10, 10: 10 })).toEqual([false, false]);
  });
});
