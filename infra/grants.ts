import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';
import type { DataApiDatabase } from './database.ts';
import { executionsOf, machineArn, nameOf } from './machine.ts';

/** What rights are given on. */
export interface Granted {
  /** The machine that runs the migrations. Its parts and what goes on in the background are executions of it, too. */
  readonly machineName: string;
  /** The machines of the follow-up jobs. */
  readonly followUps: readonly IStateMachine[];
  readonly database: DataApiDatabase;
}

/** Starting runs and asking how they ended. */
export function grantStart(scope: Construct, { machineName }: Granted, grantee: IGrantable): Grant {
  return Grant.addToPrincipal({
    grantee,
    actions: ['states:StartExecution'],
    resourceArns: [machineArn(scope, machineName)],
  }).combine(onExecutions(scope, [machineName], grantee, ['states:DescribeExecution']));
}

/** Looking at runs and jobs, in the console and by the commands that read, which read the ledger. */
export function grantRead(scope: Construct, granted: Granted, grantee: IGrantable): Grant {
  onConstruct(grantee, (role) =>
    acknowledge(
      role,
      'AwsSolutions-IAM5[Resource::*]',
      'Listing the state machines has no resource to name.',
    ),
  );
  return Grant.addToPrincipal({ grantee, actions: ['states:ListStateMachines'], resourceArns: ['*'] })
    .combine(
      Grant.addToPrincipal({
        grantee,
        actions: ['states:DescribeStateMachine', 'states:ListExecutions', 'states:ListTagsForResource'],
        resourceArns: machinesOf(scope, granted),
      }),
    )
    .combine(
      onExecutions(scope, namesOf(granted), grantee, [
        'states:DescribeExecution',
        'states:DescribeStateMachineForExecution',
        'states:GetExecutionHistory',
      ]),
    )
    .combine(onDatabase(granted, grantee, ['rds-data:ExecuteStatement']));
}

/** All that the commands do: reading, starting, stopping, going on, trying a migration and rolling it back. */
export function grantOperate(scope: Construct, granted: Granted, grantee: IGrantable): Grant {
  return grantRead(scope, granted, grantee)
    .combine(
      Grant.addToPrincipal({
        grantee,
        actions: ['states:StartExecution'],
        resourceArns: machinesOf(scope, granted),
      }),
    )
    .combine(
      onExecutions(scope, namesOf(granted), grantee, ['states:RedriveExecution', 'states:StopExecution']),
    )
    .combine(
      onDatabase(granted, grantee, [
        'rds-data:BeginTransaction',
        'rds-data:CommitTransaction',
        'rds-data:RollbackTransaction',
      ]),
    );
}

function machinesOf(scope: Construct, { machineName, followUps }: Granted): string[] {
  return [machineArn(scope, machineName), ...followUps.map(({ stateMachineArn }) => stateMachineArn)];
}

function namesOf({ machineName, followUps }: Granted): readonly string[] {
  return [machineName, ...followUps.map(nameOf)];
}

function onExecutions(
  scope: Construct,
  machines: readonly string[],
  grantee: IGrantable,
  actions: string[],
): Grant {
  const executions = machines.map((name) => executionsOf(scope, name));
  onConstruct(grantee, (role) => {
    for (const each of executions) {
      acknowledgeWildcard(role, each, 'Executions of one machine: each has a name of its own.');
    }
  });
  return Grant.addToPrincipal({ grantee, actions, resourceArns: executions });
}

function onDatabase({ database }: Granted, grantee: IGrantable, actions: string[]): Grant {
  const { cluster, secret, encryptionKey } = database;
  const onSecret = Grant.addToPrincipal({
    grantee,
    actions: ['secretsmanager:GetSecretValue'],
    resourceArns: [secret.secretArn],
  });
  const onCluster = Grant.addToPrincipal({ grantee, actions, resourceArns: [cluster.clusterArn] });
  encryptionKey?.grantDecrypt(grantee);
  return onCluster.combine(onSecret);
}

/** Findings are acknowledged where the policy is, for whoever is a construct of the app. */
function onConstruct(grantee: IGrantable, then: (construct: Construct) => void): void {
  if (Construct.isConstruct(grantee)) {
    then(grantee);
  }
}
