import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type IVersion, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, LogLevel, NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';
import type { DataApiDatabase } from './database.ts';
import { functionMemoryMegabytes, functionTimeoutSeconds } from './deployment.ts';
import { logRetention } from './machine.ts';
import { isTraced } from './operations/tracing.ts';

/** How the handlers are bundled. */
export const bundling: BundlingOptions = {
  // With the SDK: what was tested is what runs, and a pinned version stays as it was.
  bundleAwsSDK: true,
  mainFields: ['module', 'main'], // ES modules can be tree-shaken: half the size
  target: 'node20', // the same bundle runs on a laptop, with whatever Node is there
  minify: true, // the machine still knows our errors: their names are literals
  sourceMap: true,
  sourcesContent: false,
  logLevel: LogLevel.WARNING,
};

/**
 * What the function is, and on which database it works.
 *
 * @example
 * new DatabaseFunction(this, 'Rebuild', {
 *   database,
 *   entry: fileURLToPath(new URL('handler.ts', import.meta.url)),
 *   serviceName: 'rebuild',
 *   environment: { PAGE_ROWS: '500' },
 * });
 */
export interface DatabaseFunctionProps {
  /** The database that it works on: its ARNs and name are in the handler's environment. */
  readonly database: DataApiDatabase;
  /** Path of the TypeScript file that exports `handler`. */
  readonly entry: string;
  /** The name of its logs. */
  readonly serviceName: string;
  /** More environment variables for the handler. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long an invocation may take. Default: `functionTimeoutSeconds`. */
  readonly timeoutSeconds?: number;
  /** Whether it may begin transactions: one that only reads needs none. Default: true. */
  readonly transactions?: boolean;
  /** Names in its code that the bundle has values for, each as JSON without `$` or backquotes, since a shell sees it. Default: none. */
  readonly define?: Readonly<Record<string, string>>;
}

/** A Lambda that works on one database through its Data API. It has no other permissions but those it is given here. */
export class DatabaseFunction extends Construct {
  readonly function: NodejsFunction;
  /** What the function may do. */
  readonly role: Role;
  /** Where it writes its log, and its metrics. */
  readonly logs: LogGroup;

  constructor(scope: Construct, id: string, props: DatabaseFunctionProps) {
    super(scope, id);
    const { timeoutSeconds = functionTimeoutSeconds, transactions = true } = props;
    const { cluster, secret, databaseName, encryptionKey, ledgerSchema } = props.database;

    this.logs = new LogGroup(this, 'Logs', {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // The role that the CDK would make may write to every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logs.grantWrite(this.role);

    this.function = new NodejsFunction(this, 'Function', {
      entry: props.entry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(timeoutSeconds),
      memorySize: functionMemoryMegabytes,
      role: this.role,
      logGroup: this.logs,
      tracing: isTraced(this) ? Tracing.ACTIVE : Tracing.DISABLED,
      environment: {
        CLUSTER_ARN: cluster.clusterArn,
        SECRET_ARN: secret.secretArn,
        DATABASE_NAME: databaseName,
        ...(ledgerSchema !== undefined && { LEDGER_SCHEMA: ledgerSchema }),
        POWERTOOLS_SERVICE_NAME: props.serviceName,
        STACK_NAME: Stack.of(this).stackName,
        NODE_OPTIONS: '--enable-source-maps',
        ...props.environment,
      },
      // Kept when the next one is deployed, because an execution that started with it may run for days. Not when the deploy that made
      // it is rolled back: it would be in the way of the next try, which publishes the same code.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
      bundling: { ...bundling, ...(props.define && { define: props.define }) },
    });

    this.function.addToRolePolicy(
      new PolicyStatement({
        actions: [
          'rds-data:ExecuteStatement',
          ...(transactions
            ? ['rds-data:BeginTransaction', 'rds-data:CommitTransaction', 'rds-data:RollbackTransaction']
            : []),
        ],
        resources: [cluster.clusterArn],
      }),
    );
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }),
    );
    encryptionKey?.grantDecrypt(this.role);
    if (isTraced(this)) {
      acknowledge(this.role, 'AwsSolutions-IAM5[Resource::*]', 'X-Ray knows no resources to name.');
    }
  }

  /** The version with today's code: an execution that starts with it ends with it, whatever is deployed meanwhile. */
  get pinned(): IVersion {
    return this.function.currentVersion as IVersion; // the CDK types optional fields looser in the class than in the interface
  }

  /** Lets a machine invoke every version. The next deploy would take away a grant on one alone, under running executions. */
  mayBeInvokedBy(machine: StateMachine): void {
    // The versions only: no machine of ours invokes the function as it is at the moment.
    machine.addToRolePolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [`${this.function.functionArn}:*`],
      }),
    );
    acknowledgeWildcard(
      machine.role,
      `${this.function.functionArn}:*`,
      'Every version of this one function: running executions keep the version they started with.',
    );
  }

  /**
   * Lets the function read the status of executions.
   *
   * @param executions An ARN pattern, as `executionsOf` makes it.
   */
  mayDescribe(executions: string): void {
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [executions] }),
    );
    acknowledgeWildcard(this.role, executions, 'Executions of one machine: each has a name of its own.');
  }
}
