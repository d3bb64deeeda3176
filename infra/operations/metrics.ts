import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, type MetricOf, metrics, namespace } from '../../functions/metrics.ts';

/** How values of one period become one: CloudWatch's words. */
export type Statistic = 'Sum' | 'Average' | 'Minimum' | 'Maximum' | 'p50' | 'p99';

// A slice tells of itself once, after four minutes at most: so each period has something of each migration that is at work. CloudWatch keeps
// periods of this length for 63 days.
const period = Duration.minutes(5);

/** A metric of our table, of the whole stack: of all its migrations together. */
export function ofStack(stack: string, name: MetricName, statistic: Statistic, label?: string): Metric {
  return new Metric({
    namespace,
    metricName: name,
    dimensionsMap: { stack },
    statistic,
    period,
    label: label ?? `${name} (${metrics[name].unit})`,
  });
}

/**
 * A metric of our table, of each migration by itself: a search, which finds also those that come with later releases. It finds what has
 * sent something in the last two weeks.
 */
export function ofEachMigration(
  stack: string,
  name: MetricOf<'migration'>,
  statistic: Statistic,
): MathExpression {
  return new MathExpression({
    expression: `SEARCH('{${namespace},stack,migration} MetricName="${name}" stack="${stack}"', '${statistic}', ${period.toSeconds()})`,
    period,
    label: migrationAsLabel,
  });
}

// CloudWatch puts the name of the migration there.
const migrationAsLabel = '$' + "{PROP('Dim.migration')}";
