import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Subscription, SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

/**
 * @example
 * new NoticesTopic(this, 'Topic', { tell: ['ops@example.org', 'arn:aws:sqs:eu-central-1:123456789012:deployments'] });
 */
export interface NoticesTopicProps {
  /**
   * Who is told: e-mail addresses, which get text for people and confirm once, and ARNs of SQS queues and Lambda functions, which get
   * JSON, and whose own policies have to let the topic in.
   */
  readonly tell: readonly string[];
}

/**
 * The topic that alarms and notices go to: only over TLS, and encrypted with a key of its own, since AWS's key for topics lets no alarm
 * in.
 */
export class NoticesTopic extends Construct {
  readonly topic: Topic;
  readonly encryptionKey: Key;

  constructor(scope: Construct, id: string, { tell }: NoticesTopicProps) {
    super(scope, id);
    this.encryptionKey = new Key(this, 'Key', {
      description: `Encrypts what ${Stack.of(this).stackName} tells of its migrations`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY, // a message lasts minutes: nothing stays that it would be needed for
    });
    this.encryptionKey.addToResourcePolicy(
      new PolicyStatement({
        principals: [alarms],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'], // in a key's policy: this key
        conditions: onlyOurs(this),
      }),
    );
    this.topic = new Topic(this, 'Topic', {
      displayName: Stack.of(this).stackName,
      masterKey: this.encryptionKey,
      enforceSSL: true,
    });
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [alarms],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: onlyOurs(this),
      }),
    );
    for (const [place, endpoint] of tell.entries()) {
      new Subscription(this, `Subscription${place + 1}`, {
        topic: this.topic,
        endpoint,
        protocol: protocolOf(endpoint),
      });
    }
  }
}

const alarms = new ServicePrincipal('cloudwatch.amazonaws.com');

const onlyOurs = (scope: Construct) => ({ StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } });

/** How an endpoint is reached. Throws for what is neither an e-mail address nor the ARN of a queue or a function. */
export function protocolOf(endpoint: string): SubscriptionProtocol {
  if (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(endpoint)) {
    return SubscriptionProtocol.EMAIL;
  }
  const [, service] = /^arn:[\w-]+:(sqs|lambda):[\w-]+:\d{12}:\S+$/.exec(endpoint) ?? [];
  if (service !== undefined) {
    return service === 'sqs' ? SubscriptionProtocol.SQS : SubscriptionProtocol.LAMBDA;
  }
  throw new Error(
    `Who is told (tell) must be e-mail addresses, or ARNs of SQS queues or Lambda functions, got ${JSON.stringify(endpoint)}.`,
  );
}
