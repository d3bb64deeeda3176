import { namespace } from '../../../functions/metrics.ts';
import type { Synthesized } from '../../../infra/synthesize.ts';
import { propertiesOf, spelled } from '../synthesized.ts';

/** A metric of ours, `RowsLeft of migration, stack`, that a dashboard or an alarm of the stack asks CloudWatch for. */
export function askedMetrics(stack: Pick<Synthesized, 'template'>): string[] {
  const dashboards = propertiesOf<{ readonly DashboardBody: unknown }>(stack, 'AWS::CloudWatch::Dashboard');
  const alarms = propertiesOf<Alarm>(stack, 'AWS::CloudWatch::Alarm');
  return [
    ...Object.values(dashboards).flatMap(({ DashboardBody }) =>
      ofDashboard(JSON.parse(spelled(DashboardBody))),
    ),
    ...Object.values(alarms).flatMap(ofAlarm),
  ];
}

/** A metric by its name and the names of its dimensions. */
export const named = (name: string, dimensions: readonly string[]): string =>
  `${name} of ${dimensions.toSorted().join(', ')}`;

interface Widget {
  readonly properties: { readonly metrics?: readonly (readonly unknown[])[] };
}

function ofDashboard({ widgets }: { readonly widgets: readonly Widget[] }): string[] {
  return widgets.flatMap(({ properties }) => (properties.metrics ?? []).flatMap(ofLine));
}

/** One line of a graph: `[namespace, name, dimension, value, …, options]`, or `[{ expression }]`. */
function ofLine(line: readonly unknown[]): string[] {
  const [first, name, ...others] = line;
  if (first === namespace) {
    const dimensions = others.filter((part, i) => i % 2 === 0 && typeof part === 'string') as string[];
    return [named(String(name), dimensions)];
  }
  const { expression = '' } = first as { readonly expression?: string };
  const [, dimensions, searched] =
    new RegExp(`SEARCH\\('\\{${namespace},([^}]*)\\} MetricName="(\\w+)"`).exec(expression) ?? [];
  return searched === undefined ? [] : [named(searched, (dimensions ?? '').split(','))];
}

interface AlarmMetric {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string }[];
}

interface Alarm extends AlarmMetric {
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: AlarmMetric } }[];
}

function ofAlarm(alarm: Alarm): string[] {
  const metrics = [alarm, ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])];
  return metrics
    .filter(({ Namespace }) => Namespace === namespace)
    .map(({ MetricName = '', Dimensions = [] }) =>
      named(
        MetricName,
        Dimensions.map(({ Name }) => Name),
      ),
    );
}
