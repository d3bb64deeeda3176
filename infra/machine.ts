import { Arn, ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
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

/** As long as Step Functions itself remembers an execution. */
export const logRetention = RetentionDays.THREE_MONTHS;

export interface MachineProps {
  /** Fixed, because ARNs, permissions and runbooks are made from it. */
  readonly name: string;
  /** What the console shows above the graph. */
  readonly comment: string;
  readonly startsAt: IChainable;
}

/** A Standard state machine in JSONata, logged and traced. */
export function machine(scope: Construct, { name, comment, startsAt }: MachineProps): StateMachine {
  const created = new StateMachine(scope, 'Machine', {
    stateMachineName: name,
    stateMachineType: StateMachineType.STANDARD,
    queryLanguage: QueryLanguage.JSONATA,
    comment,
    definitionBody: DefinitionBody.fromChainable(startsAt),
    tracingEnabled: true,
    logs: {
      level: LogLevel.ALL,
      includeExecutionData: true, // names, counts and result maps; of a row error its reason, which may quote a value
      destination: new LogGroup(scope, 'Logs', {
        // Step Functions is allowed to write to this prefix by a policy of AWS's that does not grow with each group.
        logGroupName: `/aws/vendedlogs/states/${name}`,
        retention: logRetention,
        removalPolicy: RemovalPolicy.DESTROY, // a fixed name that stays behind would stop the next deploy
      }),
    },
  });
  acknowledge(
    created.role,
    'AwsSolutions-IAM5[Resource::*]',
    'Log delivery and X-Ray know no resources to name: AWS documents both with *.',
  );
  return created;
}

/** ARN of a machine by its name: known before the machine exists, so that no two resources wait for each other. */
export function machineArn(scope: Construct, name: string): string {
  return arnOf(scope, 'stateMachine', name);
}

/** ARN pattern of all executions of a machine, by its name. */
export function executionsOf(scope: Construct, name: string): string {
  return arnOf(scope, 'execution', `${name}:*`);
}

/** The name of a machine, from its ARN. */
export function nameOf({ stateMachineArn }: IStateMachine): string {
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
