import { Aspects, CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct, IConstruct } from 'constructs';
import { registry } from '../functions/migrate/registry.ts';
import type { Application } from './application.ts';
import { type DataApiDatabase, type ExistingDatabase, existingDatabase } from './database.ts';
import { machineNameIn, stackOutputs } from './deployment.ts';
import { Migrations } from './migrations.ts';
import { OperationsDashboard } from './operations/dashboard.ts';
import { LogQueries } from './operations/log-queries.ts';
import { Operations, type OperationsSettings } from './operations/operations.ts';
import { ProgressWidget } from './operations/progress-widget.ts';
import { installationTag } from './tags.ts';

/**
 * What is deployed, for which database, and in which stage.
 *
 * @example
 * new DataMigrationsStack(app, 'data-migrations-staging', {
 *   database: new DatabaseStack(app, 'data-migrations-staging-database', { … }).database,
 *   stage: 'staging',
 *   application: shop,
 * });
 */
export interface DataMigrationsStackProps extends StackProps {
  /** The database of another stack, or one that is there already. */
  readonly database: DataApiDatabase | ExistingDatabase;
  /** Is in the names of the machines, so that two stages fit into one account. Default: none. */
  readonly stage?: string | undefined;
  /** The migrations, and the jobs that follow them. */
  readonly application: Application;
  /**
   * ARN of a customer-managed key for all logs, and for the secret of a database that is there already. Its key policy must let
   * CloudWatch Logs use it. Default: AWS's own keys.
   */
  readonly keyArn?: string | undefined;
  /** Whether keys and values of rows may be in results and errors: see `MigrationsProps`. Default: false. */
  readonly showRowData?: boolean | undefined;
  /** The schema that holds the ledger, in a database that is there already: see `DataApiDatabase`. Default: `data_migrations`. */
  readonly ledgerSchema?: string | undefined;
  /** The name of the state machine: see `MigrationsProps`. Default: `run-migrations`, and the stage behind it. */
  readonly machineName?: string | undefined;
  /** Who is told, and from where on: see `OperationsSettings`. */
  readonly operations?: OperationsSettings | undefined;
}

/**
 * The migrations of an application, and the jobs that follow them. Throws at synth for a registry that a run
 * would refuse, and for a migration that declares a follow-up job which is not deployed.
 */
export class DataMigrationsStack extends Stack {
  readonly migrations: Migrations;

  constructor(
    scope: Construct,
    id: string,
    { application, keyArn, showRowData, ledgerSchema, stage, operations, ...props }: DataMigrationsStackProps,
  ) {
    super(scope, id, props);
    const machineName = props.machineName ?? machineNameIn(stage);
    const registered = registry(application.migrations);

    const encryptionKey = keyArn === undefined ? undefined : Key.fromKeyArn(this, 'Key', keyArn);
    const database =
      'clusterArn' in props.database
        ? existingDatabase(this, { ...props.database, encryptionKey, ledgerSchema })
        : props.database;

    const followUps =
      application.followUps?.(this, database, {
        migrations: machineName,
        job: (job) => machineNameIn(stage, job),
      }) ?? {};
    this.migrations = new Migrations(this, 'Migrations', {
      database,
      entry: application.handler,
      followUps,
      showRowData,
      machineName,
      declaredJobs: registered.flatMap(({ rebuilds }) => rebuilds),
    });

    const progress = new ProgressWidget(this, 'ProgressWidget', { database, registered, machineName });
    new OperationsDashboard(this, 'Dashboard', {
      progress: progress.onDashboard(),
      cluster: database.cluster,
      migrate: this.migrations.migrate.function,
      machines: { [machineName]: this.migrations.machine, ...followUps },
    });
    new LogQueries(this, 'Queries', this.migrations.migrate);
    const jobs = Object.values(followUps);
    new Operations(this, 'Operations', {
      machine: this.migrations.machine,
      followUps: jobs,
      database,
      ...operations,
    });

    // A dashboard takes no tags in every version of CloudFormation's schema.
    Tags.of(this).add(installationTag, machineName, {
      excludeResourceTypes: ['AWS::CloudWatch::Dashboard'],
    });
    if (keyArn !== undefined) {
      Aspects.of(this).add({ visit: (node) => encrypt(node, keyArn) });
    }

    new CfnOutput(this, stackOutputs.machineArn, { value: this.migrations.machine.stateMachineArn });
    new CfnOutput(this, stackOutputs.clusterArn, { value: database.cluster.clusterArn });
    new CfnOutput(this, stackOutputs.secretArn, { value: database.secret.secretArn });
    new CfnOutput(this, stackOutputs.databaseName, { value: database.databaseName });
  }
}

/** Every log group, whoever made it: those of the application's follow-up jobs, too. */
function encrypt(node: IConstruct, keyArn: string): void {
  if (node instanceof CfnLogGroup) {
    node.kmsKeyId = keyArn;
  }
}
