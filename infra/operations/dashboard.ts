import { Duration, Stack } from 'aws-cdk-lib';
import { Dashboard, type IWidget, PeriodOverride, Row, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { DataApiDatabase } from '../database.ts';
import { costWidget } from './cost-widget.ts';
import { capacityOf, databaseWidgets } from './database-widgets.ts';
import { batchWidgets, progressWidgets, trouble } from './migration-widgets.ts';
import { lambdaWidgets, machineWidget, runWidgets } from './run-widgets.ts';

/**
 * @example
 * new OperationsDashboard(this, 'Dashboard', {
 *   progress: progress.onDashboard(),
 *   cluster: database.cluster,
 *   migrate: migrations.migrate.function,
 *   machines: { 'run-migrations': migrations.machine, 'rebuild-orders': rebuildOrders },
 * });
 */
export interface OperationsDashboardProps {
  /** How every migration stands, on top of all else. */
  readonly progress: IWidget;
  /** The cluster that is migrated. */
  readonly cluster: DataApiDatabase['cluster'];
  /** The Lambda that the migrations machine invokes. */
  readonly migrate: IFunction;
  /** The migrations machine and those of the follow-up jobs, by their names. */
  readonly machines: Readonly<Record<string, IStateMachine>>;
}

/** What runs, how far it is, what it does to the database, and what goes wrong: CloudWatch's dashboard with the name of the stack. */
export class OperationsDashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { progress, cluster, migrate, machines }: OperationsDashboardProps,
  ) {
    super(scope, id);
    const stack = Stack.of(this).stackName;
    const row = 24; // the width of a dashboard
    const title = (text: string) => new TextWidget({ markdown: `## ${text}`, width: row, height: 1 });

    new Dashboard(this, 'Dashboard', {
      dashboardName: stack,
      defaultInterval: Duration.hours(3),
      periodOverride: PeriodOverride.INHERIT,
      widgets: [
        [progress],
        [title('What runs, and how far it is')],
        [new Row(...runWidgets(stack))],
        [new Row(...progressWidgets(stack))],
        [title('What needs a person')],
        [new Row(...trouble(stack))],
        [title('What the application feels')],
        [new Row(...batchWidgets(stack))],
        [title('The database')],
        ...databaseWidgets(stack, cluster).map((widgets) => [new Row(...widgets)]),
        [title('Executions and Lambda')],
        [new Row(...Object.entries(machines).map(([name, machine]) => machineWidget(name, machine)))],
        [new Row(...lambdaWidgets(migrate))],
        [costWidget(migrate, capacityOf(cluster))],
      ],
    });
  }
}
