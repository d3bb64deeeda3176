import type { App } from 'aws-cdk-lib';
import type { Application } from './application.ts';
import { flag, wholeNumber } from './context.ts';
import type { DataApiDatabase, ExistingDatabase } from './database.ts';
import { DatabaseStack } from './database-stack.ts';
import { machineNameIn } from './deployment.ts';
import { operationsSettings } from './operations/settings.ts';
import { DataMigrationsStack } from './stack.ts';
import { isStage, type Stage, stages } from './stages.ts';

/**
 * Adds the stacks of an application to a CDK app, as the app's context says (`-c key=value`):
 *
 * - `clusterArn`, `secretArn` and `databaseName` of a cluster that is there already, or else `createDatabase=true`
 * - `maxConnections` of that cluster, for an alarm before they are all in use
 * - `stage`, which is in all names, and says how large and how protected a new database is
 * - `keyArn` of a key of your own
 * - `masterSecretArn`, for a new database whose password RDS does not manage
 * - `ledgerSchema`, for another schema than `data_migrations`
 * - `showRowData=true`, and `tracing=true` for traces in X-Ray
 * - what `operationsSettings` reads
 *
 * Throws for a value that is none of these, and where neither a cluster nor a new database is asked for, or both.
 */
export function dataMigrations(app: App, application: Application): DataMigrationsStack {
  const stage = stageOf(app);
  const name = ['data-migrations', stage].filter(Boolean).join('-');
  return new DataMigrationsStack(app, name, {
    description: 'Data migrations that ship with a release and run serverless',
    database: existing(app) ?? created(app, `${name}-database`, stage),
    stage,
    keyArn: keyOf(app),
    showRowData: flag(app, 'showRowData'),
    ledgerSchema: fromContext(app, 'ledgerSchema') || undefined,
    operations: operationsSettings(app),
    application,
  });
}

function stageOf(app: App): Stage | undefined {
  const stage = fromContext(app, 'stage') || undefined;
  if (stage !== undefined && !isStage(stage)) {
    throw new Error(`There is no stage ${JSON.stringify(stage)}. Stages: ${Object.keys(stages).join(', ')}.`);
  }
  return stage;
}

/** The cluster that the context names; undefined if it names none, and asks for a new one. */
function existing(app: App): ExistingDatabase | undefined {
  const given = {
    clusterArn: fromContext(app, 'clusterArn'),
    secretArn: fromContext(app, 'secretArn'),
    databaseName: fromContext(app, 'databaseName'),
  };
  const isNew = flag(app, 'createDatabase');
  const missing = Object.entries(given).flatMap(([key, value]) => (value ? [] : [key]));
  if (missing.length === Object.keys(given).length) {
    if (isNew) {
      return undefined;
    }
    throw new Error(
      'Which database? Name a cluster of your own with the context clusterArn, secretArn and databaseName, or have one made ' +
        'with createDatabase=true and stage=staging or stage=production.',
    );
  }
  if (isNew) {
    throw new Error(
      'The context asks for a new database (createDatabase) and names one that is there (clusterArn). Only one of both is right.',
    );
  }
  if (missing.length > 0) {
    throw new Error(
      `An existing cluster takes the context clusterArn, secretArn and databaseName together; missing: ${missing.join(', ')}.`,
    );
  }
  return { ...given, maxConnections: wholeNumber(app, 'maxConnections') };
}

function created(app: App, name: string, stage: Stage | undefined): DataApiDatabase {
  if (stage === undefined) {
    throw new Error(
      `A new database (createDatabase) has the size of its stage: name that, too. Stages: ${Object.keys(stages).join(', ')}.`,
    );
  }
  return new DatabaseStack(app, name, {
    description: 'The database of the data migrations',
    ...stages[stage],
    installation: machineNameIn(stage),
    keyArn: keyOf(app),
    masterSecretArn: fromContext(app, 'masterSecretArn') || undefined,
    ledgerSchema: fromContext(app, 'ledgerSchema') || undefined,
  }).database;
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
