import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { registry } from '../functions/migrate/registry.ts';
import type { Application } from './application.ts';
import { Database, type DatabaseProps, type ExistingDatabase, existingDatabase } from './database.ts';
import { Migrations } from './migrations.ts';

export interface DataMigrationsStackProps extends StackProps {
  /** A database to create, or one that is there already. */
  readonly database: DatabaseProps | ExistingDatabase;
  readonly application: Application;
}

/** A database, an application's migrations, and the jobs that follow them. */
export class DataMigrationsStack extends Stack {
  constructor(scope: Construct, id: string, { application, ...props }: DataMigrationsStackProps) {
    super(scope, id, props);
    const migrations = registry(application.migrations);

    const database =
      'clusterArn' in props.database
        ? existingDatabase(this, props.database)
        : new Database(this, 'Database', props.database);

    const { machine } = new Migrations(this, 'Migrations', {
      database,
      entry: application.handler,
      followUps: application.followUps(this, database),
      declaredJobs: migrations.flatMap(({ rebuilds }) => rebuilds),
    });

    new CfnOutput(this, 'MigrationsMachineArn', { value: machine.stateMachineArn });
    new CfnOutput(this, 'ClusterArn', { value: database.cluster.clusterArn });
    new CfnOutput(this, 'SecretArn', { value: database.secret.secretArn });
    new CfnOutput(this, 'DatabaseName', { value: database.databaseName });
  }
}
