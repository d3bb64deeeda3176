import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, SingleValueWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { functionTimeoutSeconds } from '../deployment.ts';
import { ofEachMigration, ofStack } from './metrics.ts';

const period = Duration.minutes(1);

/** What runs now: the runs of the time that is shown, and what was last heard of each migration. */
export function runWidgets(stack: string): readonly IWidget[] {
  return [
    new SingleValueWidget({
      title: 'Runs, in the time shown',
      width: 8,
      height: 4,
      setPeriodToTimeRange: true,
      metrics: [
        ofStack(stack, 'RunsStarted', 'Sum', 'started'),
        ofStack(stack, 'RunsSucceeded', 'Sum', 'succeeded'),
        ofStack(stack, 'RunsFailed', 'Sum', 'failed'),
      ],
    }),
    new SingleValueWidget({
      title: 'Rows left, as last heard',
      width: 16,
      height: 4,
      sparkline: true,
      metrics: [ofEachMigration(stack, 'RowsLeft', 'Minimum')],
    }),
  ];
}

/** How the executions of a machine began and ended. Those of the migrations machine are runs, their parts, and starts that were refused. */
export function machineWidget(name: string, machine: IStateMachine): IWidget {
  return new GraphWidget({
    title: `Executions of ${name}`,
    width: 8,
    left: [
      machine.metricStarted({ period, label: 'started' }),
      machine.metricSucceeded({ period, label: 'succeeded' }),
      machine.metricFailed({ period, label: 'failed' }),
      machine.metricTimedOut({ period, label: 'timed out' }),
      machine.metricAborted({ period, label: 'stopped' }),
    ],
    leftYAxis: { min: 0, label: 'Count', showUnits: false },
  });
}

/** How the invocations of the Lambda fare, all of its versions together. */
export function lambdaWidgets(migrate: IFunction): readonly IWidget[] {
  return [
    new GraphWidget({
      title: 'Lambda: failed and throttled invocations',
      width: 12,
      left: [
        migrate.metricErrors({ period, label: 'failed' }),
        migrate.metricThrottles({ period, label: 'throttled' }),
      ],
      right: [migrate.metricInvocations({ period, label: 'all' })],
      leftYAxis: { min: 0, label: 'Count', showUnits: false },
      rightYAxis: { min: 0, label: 'Count', showUnits: false },
    }),
    new GraphWidget({
      title: 'Lambda: what an invocation takes',
      width: 12,
      left: [
        migrate.metricDuration({ period, statistic: Stats.percentile(50), label: 'median' }),
        migrate.metricDuration({ period, statistic: Stats.MAXIMUM, label: 'longest' }),
      ],
      leftAnnotations: [{ value: functionTimeoutSeconds * 1_000, label: 'its timeout' }],
      leftYAxis: { min: 0, label: 'Milliseconds', showUnits: false },
    }),
  ];
}
