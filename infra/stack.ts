import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { registry } from '../functions/migrate/registry.ts';
import type { Application } from './application.ts';
import { Database, type DatabaseProps, type ExistingDatabase, existingDatabase } from './database.ts';
import { stackOutputs } from './deployment.ts';
import { Migrations } from './migrations.ts';

/**
 * @example
 * new DataMigrationsStack(app, 'data-migrations-staging', {
 *   database: { minCapacity: 0, maxCapacity: 4, engineVersion: '17.7', backupRetention: Duration.days(1) },
 *   application: shop,
 * });
 */
export interface DataMigrationsStackProps extends StackProps {
  /** A database to create, or one that is there already. */
  readonly database: DatabaseProps | ExistingDatabase;
  /** The migrations, and the jobs that follow them. */
  readonly application: Application;
}

/**
 * A database, the migrations of an application, and the jobs that follow them. Throws at synth for a registry that a run
 * would refuse, and for a migration that declares a follow-up job which is not deployed.
 */
export class DataMigrationsStack extends Stack {
  constructor(scope: Construct, id: string, { application, ...props }: DataMigrationsStackProps) {
    super(scope, id, props);
    const registered = registry(application.migrations);

    const database =
      'clusterArn' in props.database
        ? existingDatabase(this, props.database)
        : new Database(this, 'Database', props.database);

    const migrations = new Migrations(this, 'Migrations', {
      database,
      entry: application.handler,
      followUps: application.followUps(this, database),
      declaredJobs: registered.flatMap(({ rebuilds }) => rebuilds),
    });

    new CfnOutput(this, stackOutputs.machineArn, { value: migrations.machine.stateMachineArn });
    new CfnOutput(this, stackOutputs.clusterArn, { value: database.cluster.clusterArn });
    new CfnOutput(this, stackOutputs.secretArn, { value: database.secret.secretArn });
    new CfnOutput(this, stackOutputs.databaseName, { value: database.databaseName });
  }
}
