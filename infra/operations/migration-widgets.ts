import { GraphWidget, type GraphWidgetProps, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { defaultTargetSeconds } from '../../functions/engine/define/row-options.ts';
import { type MetricName, type MetricOf, metrics } from '../../functions/metrics.ts';
import { ofEachMigration, ofStack, type Statistic } from './metrics.ts';

/** How far each migration is, how fast, and when it should end. */
export function progressWidgets(stack: string): readonly IWidget[] {
  return [
    each(stack, 'Rows left', 'RowsLeft', 'Minimum'),
    each(stack, 'Seconds until the expected end', 'SecondsLeft', 'Minimum'),
    each(stack, 'Rows processed in five minutes', 'RowsProcessed', 'Sum'),
    each(stack, 'Rows updated in five minutes', 'RowsUpdated', 'Sum'),
    each(stack, 'Rows a second, while it works', 'RowsPerSecond', 'Average'),
    each(stack, 'Lanes at work', 'Lanes', 'Maximum', { stacked: true }),
  ];
}

/** What a person has to look at, sooner or later. */
export function trouble(stack: string): readonly IWidget[] {
  return [
    each(stack, 'Row errors', 'RowErrors', 'Sum'),
    each(stack, 'Rows that failed a validation', 'InvalidRows', 'Maximum'),
    each(stack, 'Seconds late', 'SecondsLate', 'Maximum'),
    each(stack, 'Seconds held under pressure', 'HoldSeconds', 'Maximum'),
    graph('Migrations stalled', 'MigrationsStalled', {
      left: [ofStack(stack, 'MigrationsStalled', 'Maximum')],
    }),
    each(stack, 'Failures of the database, tried again', 'FailuresTriedAgain', 'Sum'),
  ];
}

/** What batches take and how long they lock rows, of all migrations together; and how long they rest. */
export function batchWidgets(stack: string): readonly IWidget[] {
  const distribution = (name: 'BatchSeconds' | 'LockSeconds') => [
    ofStack(stack, name, 'p50', 'median'),
    ofStack(stack, name, 'p99', '99th percentile'),
    ofStack(stack, name, 'Maximum', 'longest'),
  ];
  return [
    graph('What a batch takes', 'BatchSeconds', { left: distribution('BatchSeconds') }),
    graph('For how long a batch locks its rows', 'LockSeconds', {
      left: distribution('LockSeconds'),
      leftAnnotations: [{ value: defaultTargetSeconds, label: 'the most by default' }],
    }),
    each(stack, 'Seconds of rest', 'RestSeconds', 'Sum'),
  ];
}

const width = 8;

/** One line for each migration. */
function each(
  stack: string,
  title: string,
  name: MetricOf<'migration'>,
  statistic: Statistic,
  more: Partial<GraphWidgetProps> = {},
): GraphWidget {
  return graph(title, name, { left: [ofEachMigration(stack, name, statistic)], ...more });
}

function graph(title: string, name: MetricName, more: Partial<GraphWidgetProps>): GraphWidget {
  return new GraphWidget({
    title,
    width,
    leftYAxis: { min: 0, label: metrics[name].unit, showUnits: false },
    ...more,
  });
}
