import { Logger } from '@aws-lambda-powertools/logger';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { waitsFor } from '../engine/database/data-api.ts';
import { environment } from './environment.ts';
import { type HowFar, howFar } from './how-far.ts';
import { isWorthTelling, type Notice, noticeOf } from './notice.ts';
import { subjectOf, textOf } from './text.ts';

/** As much as is read of EventBridge's "Step Functions Execution Status Change". */
export interface StatusChange {
  readonly detail: { readonly executionArn: string };
}

const nowhere: HowFar = { done: {}, underWay: undefined };

/**
 * The Lambda handler that tells people how an execution ended. The event says which one; Step Functions itself is asked for the rest,
 * since an event leaves out what would be too long. Configured by its environment: see environment.ts.
 */
export function notify(env: NodeJS.ProcessEnv = process.env): (event: StatusChange) => Promise<void> {
  const { topicArn, ...sender } = environment(env);
  const logger = new Logger();
  const sfn = new SFNClient({ requestHandler: waitsFor(10) });
  const sns = new SNSClient({ requestHandler: waitsFor(10) });

  return async ({ detail: { executionArn } }) => {
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (!isWorthTelling(execution)) {
      logger.info('nothing to tell', { execution: executionArn });
      return;
    }
    const isRun = execution.stateMachineArn === sender.machineArn;
    const far = isRun && execution.status !== 'SUCCEEDED' ? await howFar(sfn, executionArn) : nowhere;
    const notice = noticeOf(execution, far, sender);
    await sns.send(new PublishCommand({ TopicArn: topicArn, ...messageOf(notice) }));
    logger.info('told', { execution: executionArn, status: notice.status });
  };
}

/** One message: text for people, JSON for machines, and attributes by which a subscription may choose. */
function messageOf(notice: Notice) {
  const json = JSON.stringify(notice);
  const attribute = (text: string) => ({ DataType: 'String', StringValue: text });
  return {
    Subject: subjectOf(notice),
    MessageStructure: 'json',
    Message: JSON.stringify({ default: textOf(notice), sqs: json, lambda: json }),
    MessageAttributes: { stack: attribute(notice.stack), status: attribute(notice.status) },
  };
}
