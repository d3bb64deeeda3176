import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { checkRegistry } from '../functions/migrate/registry.ts';
import { migrations as registered } from '../functions/migrations/index.ts';
import { Database, type DatabaseProps, type ExistingDatabase, existingDatabase } from './database.ts';
import { Migrations } from './migrations.ts';
import { Rebuild } from './rebuild.ts';

/** Paths of the files that export the handlers. */
export interface Entries {
  readonly migrate: string;
  readonly rebuild: string;
}

export interface DataMigrationsStackProps extends StackProps {
  /** A database to create, or one that is there already. */
  readonly database: DatabaseProps | ExistingDatabase;
  readonly entries: Entries;
}

/** A database, its migrations, and the job that follows them. */
export class DataMigrationsStack extends Stack {
  constructor(scope: Construct, id: string, props: DataMigrationsStackProps) {
    super(scope, id, props);
    checkRegistry(registered);

    const database =
      'clusterArn' in props.database
        ? existingDatabase(this, props.database)
        : new Database(this, 'Database', props.database);

    const rebuild = new Rebuild(this, 'Rebuild', { database, entry: props.entries.rebuild });

    const migrations = new Migrations(this, 'Migrations', {
      database,
      entry: props.entries.migrate,
      followUps: { 'rebuild-employee-projections': rebuild.machine },
      declaredJobs: registered.flatMap(({ rebuilds }) => rebuilds),
    });

    new CfnOutput(this, 'MigrationsMachineArn', { value: migrations.machine.stateMachineArn });
    new CfnOutput(this, 'RebuildMachineArn', { value: rebuild.machine.stateMachineArn });
    new CfnOutput(this, 'ClusterArn', { value: database.cluster.clusterArn });
    new CfnOutput(this, 'SecretArn', { value: database.secret.secretArn });
    new CfnOutput(this, 'DatabaseName', { value: database.databaseName });
  }
}
