import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Condition, type RetryProps, TaskInput, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { type Caller, ErrorName } from '../functions/contract.ts';
import { functionTimeout } from './database-function.ts';

/** A JSONata expression, as Step Functions wants it: filling the whole string. */
export type Expression = `{% ${string} %}`;

/** A request of the contract, with expressions where values will be. */
export type Asking<Request> = Request extends unknown
  ? {
      readonly [Field in keyof Request]: Request[Field] extends object
        ? Asking<Request[Field]>
        : Request[Field] | Expression;
    }
  : never;

/** Evaluated in each state, never kept in a variable: a redrive must show. */
export const thisExecution: Asking<Caller> = {
  execution_arn: '{% $states.context.Execution.Id %}',
  redrive_count:
    '{% $exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0 %}',
};

/**
 * What is tried again; every other error has a name that means something and goes where the machine sends it.
 * Running a Lambda once more is always safe: a batch that was committed finds its cursor moved and changes nothing.
 */
const retries: readonly RetryProps[] = [
  {
    // Lambda itself: 2 + 4 + … + 64 s = 126 s, what AWS recommends.
    errors: [
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.TooManyRequestsException',
    ],
    interval: Duration.seconds(2),
    backoffRate: 2,
    maxAttempts: 6,
  },
  {
    // Killed half-way, by the clock or the machine below: the next one goes on from the checkpoint. A Lambda that is
    // killed three times in a row will be killed a fourth time.
    errors: [
      'Sandbox.Timedout',
      'Runtime.ExitError',
      'Runtime.OutOfMemory',
      'OutOfMemoryError',
      'Lambda.Unknown',
      'States.Timeout',
    ],
    interval: Duration.seconds(2),
    backoffRate: 2,
    maxAttempts: 2,
  },
  {
    // 10 + 20 + 40 + 80 + 160 + 3 × 300 s = 20 min: a failover takes about one, a minor upgrade about ten.
    // No jitter: one run at a time asks, there is no herd to spread.
    errors: [ErrorName.DatabaseUnavailable],
    interval: Duration.seconds(10),
    backoffRate: 2,
    maxDelay: Duration.minutes(5),
    maxAttempts: 8,
  },
];

/** A state that asks a Lambda, and whose output is the Lambda's answer. */
export function ask<Request extends object>(
  scope: Construct,
  stateName: string,
  lambda: IFunction,
  request: Asking<Request>,
  assign: Readonly<Record<string, Expression>> = {},
): LambdaInvoke {
  const task = LambdaInvoke.jsonata(scope, stateName, {
    lambdaFunction: lambda,
    payload: TaskInput.fromObject(request),
    outputs: '{% $states.result.Payload %}',
    ...(Object.keys(assign).length > 0 && { assign }),
    retryOnServiceExceptions: false, // it is the first of ours
    // Lambda's own limit comes first; this one is for an answer that never arrives.
    taskTimeout: Timeout.duration(functionTimeout.plus(Duration.minutes(1))),
  });
  for (const retry of retries) {
    task.addRetry(retry);
  }
  return task;
}

/** Whether the answer that a Choice has before it says `state`. */
export function answers<Answer extends { readonly state: string }>(
  state: Answer['state'],
  and: string = '',
): Condition {
  return Condition.jsonata(`{% $states.input.state = '${state}'${and && ` and ${and}`} %}`);
}
