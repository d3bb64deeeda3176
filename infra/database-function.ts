import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Architecture, type CfnFunction, type IVersion, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { DataApiDatabase } from './database.ts';
import { executionsOf, logRetention } from './machine.ts';

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

  constructor(scope: Construct, id: string, props: DatabaseFunctionProps) {
    super(scope, id);
    const { cluster, secret, databaseName } = props.database;

    this.function = new NodejsFunction(this, 'Function', {
      entry: props.entry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: functionTimeout,
      // Memory buys CPU: the work waits on the database, and pages are at most 1 MiB. Half a gigabyte is a third of a
      // core, enough to parse and transform them, and leaves room for the lanes of one slice.
      memorySize: 512,
      logGroup: new LogGroup(this, 'Logs', { retention: logRetention, removalPolicy: RemovalPolicy.DESTROY }),
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
    acknowledge(
      this.function,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
      'It only lets the function write its own logs.',
    );
  }

  /** The code as it is now: an execution that starts with it ends with it, whatever is deployed meanwhile. */
  get pinned(): IVersion {
    return this.function.currentVersion as IVersion; // its optional fields are typed looser than the interface's
  }

  /** Lets a machine invoke every version: a grant on one alone is taken away by the next deploy, under running executions. */
  mayBeInvokedBy(machine: StateMachine): void {
    this.function.grantInvoke(machine);
    acknowledge(
      machine.role,
      `AwsSolutions-IAM5[Resource::<${logicalId(this.function)}.Arn>:*]`,
      'Running executions keep the version they started with, so every version of this one function.',
    );
  }

  /** Lets the function ask whether an execution of a machine still runs. */
  mayAskForExecutionsOf(machineName: string): void {
    const executions = executionsOf(this, machineName);
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }),
    );
  }
}

function logicalId(fn: NodejsFunction): string {
  return Stack.of(fn).getLogicalId(fn.node.defaultChild as CfnFunction);
}
