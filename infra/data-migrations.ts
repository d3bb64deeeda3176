import type { App } from 'aws-cdk-lib';
import type { Application } from './application.ts';
import { flag } from './context.ts';
import type { ExistingDatabase } from './database.ts';
import { operationsSettings } from './operations/settings.ts';
import { DataMigrationsStack } from './stack.ts';
import { isStage, stages } from './stages.ts';

/**
 * Adds the one stack of an application to a CDK app, as the app's context says: `-c stage=production` for a database of its
 * own (`staging` by default), or `-c clusterArn=… -c secretArn=… -c databaseName=…` for a cluster that is there already; and
 * `-c keyArn=…` for a key of your own; and `-c showRowData=true`; and `-c tracing=true` for traces in X-Ray; and `-c ledgerSchema=…` for
 * another schema than `data_migrations`; and what `operationsSettings` reads.
 * Throws for an unknown stage, for a cluster without all three, for what is no key's ARN, for what is neither true nor false, and for
 * a schema's name that would need quotes.
 */
export function dataMigrations(app: App, application: Application): DataMigrationsStack {
  const stage: unknown = app.node.tryGetContext('stage') ?? 'staging';
  if (!isStage(stage)) {
    throw new Error(`There is no stage ${JSON.stringify(stage)}. Stages: ${Object.keys(stages).join(', ')}.`);
  }
  return new DataMigrationsStack(app, `data-migrations-${stage}`, {
    description: 'Data migrations that ship with a release and run serverless',
    database: existing(app) ?? stages[stage],
    keyArn: keyOf(app),
    showRowData: flag(app, 'showRowData'),
    ledgerSchema: fromContext(app, 'ledgerSchema') || undefined,
    operations: operationsSettings(app),
    application,
  });
}

/** The cluster that the context names; undefined if it names none. */
function existing(app: App): ExistingDatabase | undefined {
  const given = {
    clusterArn: fromContext(app, 'clusterArn'),
    secretArn: fromContext(app, 'secretArn'),
    databaseName: fromContext(app, 'databaseName'),
  };
  const missing = Object.entries(given).flatMap(([key, value]) => (value ? [] : [key]));
  if (missing.length === Object.keys(given).length) {
    return undefined;
  }
  if (missing.length > 0) {
    throw new Error(
      `An existing cluster takes the context clusterArn, secretArn and databaseName together; missing: ${missing.join(', ')}.`,
    );
  }
  return given;
}

/** The customer-managed key that the context names. */
function keyOf(app: App): string | undefined {
  const keyArn = fromContext(app, 'keyArn');
  if (keyArn !== '' && !/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/.+$/.test(keyArn)) {
    throw new Error(
      `The context keyArn must be arn:…:kms:REGION:ACCOUNT:key/ID, got ${JSON.stringify(keyArn)}.`,
    );
  }
  return keyArn || undefined;
}

/** One value of the context; empty if it is not there. */
function fromContext(app: App, key: string): string {
  const value: unknown = app.node.tryGetContext(key) ?? '';
  if (typeof value !== 'string') {
    throw new Error(`The context ${key} must be a string, got ${JSON.stringify(value)}.`);
  }
  return value;
}
