import { CustomWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Construct } from 'constructs';
import type { Known } from '../../functions/engine/overview/status.ts';
import type { DataApiDatabase } from '../database.ts';
import { DatabaseFunction } from '../database-function.ts';
import { defaultMachineName } from '../deployment.ts';
import { functionFile } from '../function-file.ts';
import { executionsOf, machineArn } from '../machine.ts';

/**
 * @example
 * const progress = new ProgressWidget(this, 'ProgressWidget', { database, registered });
 * dashboard.addWidgets(progress.onDashboard());
 */
export interface ProgressWidgetProps {
  /** The database with the ledger. */
  readonly database: DataApiDatabase;
  /** The machine that runs the migrations. Default: `defaultMachineName`. */
  readonly machineName?: string | undefined;
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

  constructor(
    scope: Construct,
    id: string,
    { database, registered, machineName = defaultMachineName }: ProgressWidgetProps,
  ) {
    super(scope, id);
    const machine = machineArn(this, machineName);
    const shows = new DatabaseFunction(this, 'Show', {
      database,
      entry: functionFile(import.meta.url, '../../functions/progress-page/handler'),
      serviceName: 'progress-widget',
      timeoutSeconds,
      transactions: false,
      environment: { MACHINE_ARN: machine },
      // Not in the environment, which holds 4 KB: two hundred of them would not fit.
      define: { REGISTERED_MIGRATIONS: JSON.stringify(registered.map(({ name, kind }) => ({ name, kind }))) },
    });
    shows.mayDescribe(executionsOf(this, machineName));
    shows.role.addToPolicy(new PolicyStatement({ actions: ['states:ListExecutions'], resources: [machine] }));
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
