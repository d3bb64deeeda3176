import { Duration, Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { ends } from '../../functions/notify/ends.ts';
import { functionFile } from '../function-file.ts';
import { executionsOf, nameOf } from '../machine.ts';
import { OperationsFunction } from './operations-function.ts';
import type { NoticesTopic } from './topic.ts';

/**
 * @example
 * new Notices(this, 'Notices', { machine: migrations.machine, followUps: [rebuildOrders], topic });
 */
export interface NoticesProps {
  /** The machine that runs the migrations. */
  readonly machine: IStateMachine;
  /** The machines of the follow-up jobs. */
  readonly followUps: readonly IStateMachine[];
  readonly topic: NoticesTopic;
  /** Where the runbook is, for the links: see `OperationsProps`. */
  readonly runbookUrl?: string | undefined;
}

/**
 * Tells how executions of the machines ended. EventBridge hears of that at best effort, so the alarms do not depend on it.
 */
export class Notices extends Construct {
  readonly notify: OperationsFunction;

  constructor(scope: Construct, id: string, { machine, followUps, topic, runbookUrl }: NoticesProps) {
    super(scope, id);
    const machines = [machine, ...followUps];

    this.notify = new OperationsFunction(this, 'Notify', {
      entry: functionFile(import.meta.url, '../../functions/notify/handler'),
      serviceName: 'notify',
      timeout: Duration.minutes(1),
      environment: {
        STACK_NAME: Stack.of(this).stackName,
        MACHINE_ARN: machine.stateMachineArn,
        TOPIC_ARN: topic.topic.topicArn,
        ...(runbookUrl !== undefined && { RUNBOOK_URL: runbookUrl }),
      },
    });
    this.notify.mayRead(
      ['states:DescribeExecution', 'states:GetExecutionHistory'],
      machines.map((each) => executionsOf(this, nameOf(each))),
    );
    this.notify.may(['sns:Publish'], [topic.topic.topicArn]);
    this.notify.may(['kms:Decrypt', 'kms:GenerateDataKey'], [topic.encryptionKey.keyArn]);

    new Rule(this, 'Ended', {
      description: 'An execution of the migrations, or of a job that follows them, has ended',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: machines.map(({ stateMachineArn }) => stateMachineArn),
          status: [...ends],
        },
      },
      targets: [new LambdaFunction(this.notify.function)],
    });
  }
}
