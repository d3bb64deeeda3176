import { fileURLToPath } from 'node:url';
import { CustomWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Known } from '../../functions/engine/overview/status.ts';
import type { DataApiDatabase } from '../database.ts';
import { DatabaseFunction } from '../database-function.ts';
import { executionsOf, nameOf } from '../machine.ts';

/**
 * @example
 * const progress = new ProgressWidget(this, 'ProgressWidget', { database, machine: migrations.machine, registered });
 * dashboard.addWidgets(progress.onDashboard());
 */
export interface ProgressWidgetProps {
  /** The database with the ledger. */
  readonly database: DataApiDatabase;
  /** The machine that runs the migrations. */
  readonly machine: StateMachine;
  /** The registered migrations, in order. */
  readonly registered: readonly Known[];
}

/**
 * How long a dashboard waits at most, in seconds: 15 s for a paused database, ten statements of half a second, and as much again for a
 * database that is busy.
 */
const timeoutSeconds = 40;

/** The progress page for a dashboard: a Lambda that reads the ledger and changes nothing. Whoever looks needs the right to invoke it. */
export class ProgressWidget extends Construct {
  readonly function: NodejsFunction;

  constructor(scope: Construct, id: string, { database, machine, registered }: ProgressWidgetProps) {
    super(scope, id);
    const shows = new DatabaseFunction(this, 'Show', {
      database,
      entry: fileURLToPath(new URL('../../functions/progress-page/handler.ts', import.meta.url)),
      serviceName: 'progress-widget',
      timeoutSeconds,
      transactions: false,
      environment: { MACHINE_ARN: machine.stateMachineArn },
      // Not in the environment, which holds 4 KB: two hundred of them would not fit.
      define: { REGISTERED_MIGRATIONS: JSON.stringify(registered.map(({ name, kind }) => ({ name, kind }))) },
    });
    shows.mayDescribe(executionsOf(this, nameOf(machine)));
    shows.role.addToPolicy(
      new PolicyStatement({ actions: ['states:ListExecutions'], resources: [machine.stateMachineArn] }),
    );
    this.function = shows.function;
  }

  /**
   * The page as a widget.
   *
   * @param height Rows of the dashboard's grid; what does not fit is scrolled to. It takes all of the 24 columns.
   */
  onDashboard(height = 15): CustomWidget {
    return new CustomWidget({
      functionArn: this.function.functionArn,
      title: 'Data migrations',
      width: 24,
      height,
      updateOnRefresh: true,
      updateOnResize: false, // it fits any width
      updateOnTimeRangeChange: false, // it shows how things stand now
    });
  }
}
