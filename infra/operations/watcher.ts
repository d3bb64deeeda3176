import { Duration, Stack } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { secondsBetweenLooks } from '../../functions/watch/look.ts';
import type { DataApiDatabase } from '../database.ts';
import { functionFile } from '../function-file.ts';
import { executionsOf, nameOf } from '../machine.ts';
import { OperationsFunction } from './operations-function.ts';

/**
 * @example
 * new Watcher(this, 'Watcher', { machine: migrations.machine, followUps: [rebuildOrders], database });
 */
export interface WatcherProps {
  /** The machine that runs the migrations. */
  readonly machine: IStateMachine;
  /** The machines of the follow-up jobs. */
  readonly followUps: readonly IStateMachine[];
  /** The database with the ledger. */
  readonly database: DataApiDatabase;
}

/** Looks every five minutes for what nobody else can tell of: a run that stands still, a failure that nobody recorded. */
export class Watcher extends Construct {
  readonly watch: OperationsFunction;

  constructor(scope: Construct, id: string, { machine, followUps, database }: WatcherProps) {
    super(scope, id);
    const { cluster, secret, databaseName, ledgerSchema, encryptionKey } = database;
    const followUpArns = followUps.map(({ stateMachineArn }) => stateMachineArn);

    this.watch = new OperationsFunction(this, 'Watch', {
      entry: functionFile(import.meta.url, '../../functions/watch/handler'),
      serviceName: 'watch',
      // A paused database that is woken while something runs takes half a minute, and is waited for 75 s.
      timeout: Duration.minutes(2),
      environment: {
        STACK_NAME: Stack.of(this).stackName,
        MACHINE_ARN: machine.stateMachineArn,
        FOLLOW_UP_ARNS: JSON.stringify(followUpArns),
        CLUSTER_ARN: cluster.clusterArn,
        SECRET_ARN: secret.secretArn,
        DATABASE_NAME: databaseName,
        ...(ledgerSchema !== undefined && { LEDGER_SCHEMA: ledgerSchema }),
      },
    });
    this.watch.may(['states:ListExecutions'], [machine.stateMachineArn, ...followUpArns]);
    this.watch.mayRead(
      ['states:DescribeExecution', 'states:GetExecutionHistory'],
      [executionsOf(this, nameOf(machine))],
    );
    this.watch.may(['rds-data:ExecuteStatement'], [cluster.clusterArn]);
    this.watch.may(['secretsmanager:GetSecretValue'], [secret.secretArn]);
    encryptionKey?.grantDecrypt(this.watch.role);

    new Rule(this, 'Schedule', {
      description: 'Looks for migrations that stand still, and for failures that nobody recorded',
      // By the clock: looks of a rate are due some seconds more or less than that apart, and what ends in these would be lost or told twice.
      schedule: Schedule.cron({ minute: `0/${secondsBetweenLooks / 60}` }),
      // A look that is late still is about its own minutes, which no other looks at.
      targets: [new LambdaFunction(this.watch.function)],
    });
  }
}
