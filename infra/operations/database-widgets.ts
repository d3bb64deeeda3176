import { Arn, ArnFormat, Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { metrics } from '../../functions/metrics.ts';
import type { DataApiDatabase } from '../database.ts';
import { ofStack } from './metrics.ts';

type Cluster = DataApiDatabase['cluster'];

/**
 * How the database fares, by rows of widgets. These are metrics that Aurora PostgreSQL has for a cluster as a whole, on instances of its
 * own and Serverless v2; capacity is there for Serverless v2 alone, and the lag only where there are readers. Of sessions that wait for
 * locks it has none: that is what migrations see before their batches, and so it is there only while they are at work.
 *
 * @param stack The value of the dimension `stack` of our own metrics.
 */
export function databaseWidgets(stack: string, cluster: Cluster): readonly (readonly IWidget[])[] {
  const metric = (metricName: string, statistic: string, label: string) =>
    ofCluster(cluster, metricName, statistic, label);
  const graph = (title: string, left: Metric[], unit: string, width = 8) =>
    new GraphWidget({ title, left, width, leftYAxis: { min: 0, label: unit, showUnits: false } });
  return [
    [
      graph(
        'Sessions that wait for a lock',
        [ofStack(stack, 'LockWaits', 'Maximum', 'the most seen')],
        metrics.LockWaits.unit,
        6,
      ),
      graph('Deadlocks', [metric('Deadlocks', 'Average', 'deadlocks')], 'Count/Second', 6),
      graph(
        'Commit latency',
        [metric('CommitLatency', 'Average', 'mean'), metric('CommitLatency', 'Maximum', 'longest')],
        'Milliseconds',
        6,
      ),
      graph(
        'Lag of the readers',
        [metric('AuroraReplicaLag', 'Maximum', 'furthest behind')],
        'Milliseconds',
        6,
      ),
    ],
    [
      new GraphWidget({
        title: 'Capacity',
        width: 8,
        left: [capacityOf(cluster)],
        leftYAxis: { min: 0, label: 'ACU', showUnits: false },
        right: [metric('ACUUtilization', 'Maximum', 'of the most allowed')],
        rightYAxis: { min: 0, max: 100, label: 'Percent', showUnits: false },
      }),
      graph('CPU', [metric('CPUUtilization', 'Maximum', 'busiest instance')], 'Percent'),
      graph('Connections', [metric('DatabaseConnections', 'Maximum', 'busiest instance')], 'Count'),
    ],
  ];
}

/** The capacity units of Aurora Serverless v2, the average. */
export const capacityOf = (cluster: Cluster): Metric =>
  ofCluster(cluster, 'ServerlessDatabaseCapacity', 'Average', 'capacity units');

function ofCluster({ clusterArn }: Cluster, metricName: string, statistic: string, label: string): Metric {
  const { resourceName = clusterArn } = Arn.split(clusterArn, ArnFormat.COLON_RESOURCE_NAME);
  return new Metric({
    namespace: 'AWS/RDS',
    metricName,
    dimensionsMap: { DBClusterIdentifier: resourceName },
    statistic,
    label,
    period: Duration.minutes(1),
  });
}
