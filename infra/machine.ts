import { Arn, ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  type CfnStateMachine,
  DefinitionBody,
  type IChainable,
  type IStateMachine,
  LogLevel,
  QueryLanguage,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { isTraced } from './operations/tracing.ts';

/** As long as Step Functions itself remembers an execution, which is 90 days. */
export const logRetention = RetentionDays.THREE_MONTHS;

/**
 * @example
 * machine(this, {
 *   name: 'rebuild-orders',
 *   comment: 'Replays the order events into a fresh projection and swaps it in.',
 *   startsAt: rebuildMachine(this, { rebuild: rebuild.pinned }),
 * });
 */
export interface MachineProps {
  /** The machine's name. It is fixed, because ARNs, permissions and runbooks are made from it. */
  readonly name: string;
  /** What the console shows above the graph. */
  readonly comment: string;
  /** The first state, with the others behind it. */
  readonly startsAt: IChainable;
}

/** A Standard state machine in JSONata, logged; traced where the context says so. */
export function machine(scope: Construct, { name, comment, startsAt }: MachineProps): StateMachine {
  const created = new StateMachine(scope, 'Machine', {
    stateMachineName: name,
    stateMachineType: StateMachineType.STANDARD,
    queryLanguage: QueryLanguage.JSONATA,
    comment,
    definitionBody: DefinitionBody.fromChainable(startsAt),
    tracingEnabled: isTraced(scope),
    logs: {
      level: LogLevel.ALL,
      includeExecutionData: true, // names, counts, result maps, and the reasons of row errors, which may quote a value
      destination: new LogGroup(scope, 'Logs', {
        // A policy of AWS lets Step Functions write to this prefix; that policy does not grow with each group.
        logGroupName: `/aws/vendedlogs/states/${name}`,
        retention: logRetention,
        removalPolicy: RemovalPolicy.DESTROY, // left behind, its fixed name would stop the next deploy
      }),
    },
  });
  acknowledge(
    created.role,
    'AwsSolutions-IAM5[Resource::*]',
    'Log delivery and X-Ray know no resources to name: AWS documents both with *.',
  );
  acknowledge(
    created,
    'AwsSolutions-SF2',
    'A trace of a machine that loops for days is large and costly; the context tracing=true switches it on.',
  );
  return created;
}

/** The ARN of a machine, from its name: it is known before the machine exists, so that no two resources wait for each other. */
export function machineArn(scope: Construct, name: string): string {
  return arnOf(scope, 'stateMachine', name);
}

/** A pattern for the ARNs of all executions of a machine, from its name. */
export function executionsOf(scope: Construct, name: string): string {
  return arnOf(scope, 'execution', `${name}:*`);
}

/** The name of a machine: as it was given to one that is made here, or from the ARN of another. */
export function nameOf({ stateMachineArn, node }: IStateMachine): string {
  const { stateMachineName } = (node.defaultChild ?? {}) as Partial<CfnStateMachine>;
  if (stateMachineName !== undefined) {
    return stateMachineName;
  }
  return Arn.split(stateMachineArn, ArnFormat.COLON_RESOURCE_NAME).resourceName ?? stateMachineArn;
}

function arnOf(scope: Construct, resource: string, resourceName: string): string {
  return Stack.of(scope).formatArn({
    service: 'states',
    resource,
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
