import { type Datapoint, type Dimensions, isSame } from './datapoint.ts';
import { statisticOf } from './statistic.ts';

/** An alarm about one metric, as the template has it. */
export interface AlarmSpec {
  readonly name: string;
  readonly description: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Dimensions;
  readonly unit: string;
  /** `Sum`, `p90`. */
  readonly statistic: string;
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly threshold: number;
  readonly comparison: keyof typeof comparisons;
  readonly missingData: 'breaching' | 'notBreaching' | 'ignore' | 'missing';
}

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** The comparisons of CloudWatch with a threshold. */
export const comparisons = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
} as const;

const minute = 60_000;

/**
 * The state of an alarm at a moment, from the periods that end with the moment's minute. Where data is missing, CloudWatch looks at some
 * periods more, so there an alarm may be over a few minutes later than here.
 *
 * @param at Milliseconds since 1970.
 * @param before The state that it was in.
 */
export function stateOf(
  alarm: AlarmSpec,
  datapoints: readonly Datapoint[],
  at: number,
  before: AlarmState,
): AlarmState {
  const { threshold, datapointsToAlarm, missingData, comparison } = alarm;
  const periods = valuesByPeriod(alarm, datapoints, at).map((values) => statisticOf(alarm.statistic, values));
  const isMissing = periods.every((value) => value === undefined);
  if (isMissing && missingData === 'ignore') {
    return before;
  }
  if (isMissing && missingData === 'missing') {
    return 'INSUFFICIENT_DATA';
  }
  const breaching = periods.filter((value) =>
    value === undefined ? missingData === 'breaching' : comparisons[comparison](value, threshold),
  );
  return breaching.length >= datapointsToAlarm ? 'ALARM' : 'OK';
}

/** The values in each of the periods that the alarm looks at. */
function valuesByPeriod(
  { namespace, metric, dimensions, unit, periodSeconds, evaluationPeriods }: AlarmSpec,
  datapoints: readonly Datapoint[],
  at: number,
): readonly (readonly number[])[] {
  const end = (Math.floor(at / minute) + 1) * minute;
  const length = periodSeconds * 1_000;
  const own = datapoints.filter(
    (each) =>
      each.namespace === namespace &&
      each.name === metric &&
      each.unit === unit &&
      isSame(each.dimensions, dimensions),
  );
  return Array.from({ length: evaluationPeriods }, (_, place) => {
    const until = end - place * length;
    return own
      .filter(({ at: moment }) => moment >= until - length && moment < until)
      .flatMap(({ values }) => values);
  });
}
