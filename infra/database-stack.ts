import { Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { Database, type DatabaseProps } from './database.ts';
import { installationTag } from './tags.ts';

/**
 * The database's properties, and what its stack adds.
 *
 * @example
 * new DatabaseStack(app, 'data-migrations-staging-database', { ...stages.staging, installation: 'run-migrations-staging' });
 */
export interface DatabaseStackProps extends StackProps, Omit<DatabaseProps, 'encryptionKey'> {
  /** ARN of a customer-managed key for storage and secret. Default: AWS's own keys. */
  readonly keyArn?: string | undefined;
  /** The value of the cost tag on everything: the name of the machine that runs the migrations. */
  readonly installation: string;
}

/**
 * The database that the migrations are deployed for. In a stack of its own: when the first deploy of the rest fails, that is rolled
 * back, and a database with deletion protection cannot be.
 */
export class DatabaseStack extends Stack {
  readonly database: Database;

  constructor(scope: Construct, id: string, { keyArn, installation, ...props }: DatabaseStackProps) {
    super(scope, id, props);
    const encryptionKey = keyArn === undefined ? undefined : Key.fromKeyArn(this, 'Key', keyArn);
    this.database = new Database(this, 'Database', { ...props, encryptionKey });
    Tags.of(this).add(installationTag, installation);
  }
}
