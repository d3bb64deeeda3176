import * as v from 'valibot';
import { type AlarmSpec, comparisons } from '../cloudwatch/alarm.ts';
import { type Resolve, textOf } from './intrinsics.ts';
import { propertiesOf } from './properties.ts';
import type { Resource } from './template.ts';

// Strict: an alarm over an expression, say, is none that can be evaluated here.
const alarmProperties = v.strictObject({
  AlarmName: v.unknown(),
  AlarmDescription: v.unknown(),
  AlarmActions: v.optional(v.unknown()),
  OKActions: v.optional(v.unknown()),
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.array(v.object({ Name: v.string(), Value: v.unknown() })),
  Unit: v.string(),
  Statistic: v.optional(v.string()),
  ExtendedStatistic: v.optional(v.string()),
  Period: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.number(),
  Threshold: v.number(),
  ComparisonOperator: v.picklist(Object.keys(comparisons) as (keyof typeof comparisons)[]),
  TreatMissingData: v.picklist(['breaching', 'notBreaching', 'ignore', 'missing']),
  Tags: v.optional(v.unknown()),
});

/** Reads an `AWS::CloudWatch::Alarm` about one metric. */
export function readAlarm(id: string, resource: Resource, resolve: Resolve): AlarmSpec {
  const properties = propertiesOf(id, resource, alarmProperties);
  const { Statistic, ExtendedStatistic, Dimensions } = properties;
  return {
    name: textOf(resolve, properties.AlarmName, id),
    description: textOf(resolve, properties.AlarmDescription, id),
    namespace: properties.Namespace,
    metric: properties.MetricName,
    dimensions: Object.fromEntries(
      Dimensions.map(({ Name, Value }) => [Name, textOf(resolve, Value, `Dimension ${Name} of ${id}`)]),
    ),
    unit: properties.Unit,
    statistic: Statistic ?? ExtendedStatistic ?? '',
    periodSeconds: properties.Period,
    evaluationPeriods: properties.EvaluationPeriods,
    datapointsToAlarm: properties.DatapointsToAlarm,
    threshold: properties.Threshold,
    comparison: properties.ComparisonOperator,
    missingData: properties.TreatMissingData,
  };
}
