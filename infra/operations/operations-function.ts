import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';
import { bundling } from '../database-function.ts';
import { logRetention } from '../machine.ts';
import { isTraced } from './tracing.ts';

/**
 * @example
 * new OperationsFunction(this, 'Watch', {
 *   entry: fileURLToPath(new URL('../../functions/watch/handler.ts', import.meta.url)),
 *   serviceName: 'watch',
 *   timeout: Duration.minutes(2),
 *   environment: { STACK_NAME: 'data-migrations-staging' },
 * });
 */
export interface OperationsFunctionProps {
  /** Path of the TypeScript file that exports `handler`. */
  readonly entry: string;
  /** The name of its logs. */
  readonly serviceName: string;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
}

/** A small Lambda that looks at the migrations from outside. It may do nothing but what it is allowed here. */
export class OperationsFunction extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: OperationsFunctionProps) {
    super(scope, id);
    const logs = new LogGroup(this, 'Logs', {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logs.grantWrite(this.role);
    this.function = new NodejsFunction(this, 'Function', {
      entry: props.entry,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout,
      memorySize: 256, // it waits for answers; with less than that, loading the SDK takes seconds
      role: this.role,
      logGroup: logs,
      tracing: isTraced(this) ? Tracing.ACTIVE : Tracing.DISABLED,
      environment: {
        POWERTOOLS_SERVICE_NAME: props.serviceName,
        NODE_OPTIONS: '--enable-source-maps',
        ...props.environment,
      },
      bundling,
    });
    if (isTraced(this)) {
      acknowledge(this.role, 'AwsSolutions-IAM5[Resource::*]', 'X-Ray knows no resources to name.');
    }
  }

  /** Lets the function do these things with these resources. */
  may(actions: readonly string[], resources: readonly string[]): void {
    this.function.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }

  /**
   * Lets the function read about executions.
   *
   * @param actions Of `states`, such as `states:DescribeExecution`.
   * @param executions An ARN pattern for each machine, as `executionsOf` makes it.
   */
  mayRead(actions: readonly string[], executions: readonly string[]): void {
    this.may(actions, executions);
    for (const pattern of executions) {
      acknowledgeWildcard(this.role, pattern, 'Executions of one machine: each has a name of its own.');
    }
  }
}
