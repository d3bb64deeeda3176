import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type IVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from './acknowledge.ts';
import type { DataApiDatabase } from './database.ts';
import { logRetention } from './machine.ts';

/**
 * Room for one slice (about four minutes of batches), for one batch that runs into the Data API's 45 s limit, and for
 * the answer. A third of Lambda's maximum, so that a stopped execution's last slice ends soon.
 */
export const functionTimeout = Duration.minutes(5);

export interface DatabaseFunctionProps {
  readonly database: DataApiDatabase;
  /** Path of the TypeScript file that exports `handler`. */
  readonly entry: string;
  /** What logs and metrics call it. */
  readonly serviceName: string;
  /** More variables for the handler. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A Lambda that works on one database through its Data API, and may do nothing else. */
export class DatabaseFunction extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: DatabaseFunctionProps) {
    super(scope, id);
    const { cluster, secret, databaseName } = props.database;

    const logs = new LogGroup(this, 'Logs', {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // A role of our own, because the one CDK makes may write to every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logs.grantWrite(this.role);

    this.function = new NodejsFunction(this, 'Function', {
      entry: props.entry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: functionTimeout,
      // Memory buys CPU: the work waits on the database, and pages are at most 1 MiB. Half a gigabyte is a third of a
      // core, enough to parse and transform them.
      memorySize: 512,
      role: this.role,
      logGroup: logs,
      environment: {
        CLUSTER_ARN: cluster.clusterArn,
        SECRET_ARN: secret.secretArn,
        DATABASE_NAME: databaseName,
        POWERTOOLS_SERVICE_NAME: props.serviceName,
        NODE_OPTIONS: '--enable-source-maps',
        ...props.environment,
      },
      // Kept, because an execution that started with it may run for days.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
      bundling: {
        // The SDK too: what was tested is what runs, and a pinned version stays what it was.
        bundleAwsSDK: true,
        mainFields: ['module', 'main'], // the tree-shaken half of what `main` gives
        target: 'node20', // the same bundle runs on a laptop
        minify: true, // error names are literals
        sourceMap: true,
        sourcesContent: false,
        logLevel: LogLevel.WARNING,
      },
    });

    this.function.addToRolePolicy(
      new PolicyStatement({
        actions: [
          'rds-data:BatchExecuteStatement',
          'rds-data:BeginTransaction',
          'rds-data:CommitTransaction',
          'rds-data:ExecuteStatement',
          'rds-data:RollbackTransaction',
        ],
        resources: [cluster.clusterArn],
      }),
    );
    secret.grantRead(this.function);
  }

  /** The code as it is now: an execution that starts with it ends with it, whatever is deployed meanwhile. */
  get pinned(): IVersion {
    return this.function.currentVersion as IVersion; // its optional fields are typed looser than the interface's
  }

  /** Lets a machine invoke every version: a grant on one alone is taken away by the next deploy, under running executions. */
  mayBeInvokedBy(machine: StateMachine): void {
    this.function.grantInvoke(machine);
    acknowledgeWildcard(
      machine.role,
      `${this.function.functionArn}:*`,
      'Every version of this one function: running executions keep the version they started with.',
    );
  }

  /** Lets the function ask how executions are. */
  mayAskFor(executions: string): void {
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }),
    );
    acknowledgeWildcard(this.role, executions, 'Executions of one machine: each has a name of its own.');
  }
}
