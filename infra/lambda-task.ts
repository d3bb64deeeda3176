import { Aws, Duration } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  Condition,
  QueryLanguage,
  type RetryProps,
  type TaskMetricsConfig,
  TaskStateBase,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { ErrorName, type Execution } from '../functions/contract.ts';
import { functionTimeoutSeconds } from './deployment.ts';

/** A JSONata expression as Step Functions takes it: nothing stands around it. */
export type Expression = `{% ${string} %}`;

/** A request of the contract, in which an expression may stand for any value. */
export type WithExpressions<Request> = Request extends unknown
  ? {
      readonly [Field in keyof Request]: Request[Field] extends object
        ? WithExpressions<Request[Field]>
        : Request[Field] | Expression;
    }
  : never;

/** The execution that a state belongs to. Each state evaluates it anew, so that a redrive shows. */
export const thisExecution: WithExpressions<Execution> = {
  execution_arn: '{% $states.context.Execution.Id %}',
  redrive_count:
    '{% $exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0 %}',
};

// 10 + 20 + 40 + 80 + 160 + 3 × 300 s = 20 min: a failover takes about one, a minor upgrade about ten.
const retriesOfDatabase = 8;

/** Holds in the last try of a state whose function finds the database unavailable each time. */
export const isLastTry: Expression = `{% $states.context.State.RetryCount >= ${retriesOfDatabase} %}`;

/**
 * What is tried again. Every other error has a name that the machine catches. Running a function once more is always safe: a
 * batch that was committed has moved the cursor, so the next try does not change its rows again.
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
    // Ended half-way, by its timeout or by a fault of the machine that it ran on: the next one goes on from the checkpoint.
    // A function that was ended three times in a row will be ended a fourth time.
    errors: [
      'Sandbox.Timedout',
      'Runtime.ExitError',
      'Runtime.OutOfMemory',
      'Lambda.Unknown',
      'States.Timeout',
    ],
    interval: Duration.seconds(2),
    backoffRate: 2,
    maxAttempts: 2,
  },
  {
    // No jitter: only one run at a time waits for the database.
    errors: [ErrorName.DatabaseUnavailable],
    interval: Duration.seconds(10),
    backoffRate: 2,
    maxDelay: Duration.minutes(5),
    maxAttempts: retriesOfDatabase,
  },
];

/** Makes a state that invokes a function with a request, and whose output is what the function returns. */
export type LambdaTask<Request, StateName extends string> = (
  stateName: StateName,
  request: WithExpressions<Request>,
  /** Variables of the machine to set, by name. */
  assign?: Readonly<Record<string, Expression>>,
) => InvokeFunction;

/**
 * The states of a machine that invoke one function, given by its ARN or an expression for it, with the comments that the console shows. The
 * machine needs the right to invoke
 * it: see `DatabaseFunction.mayBeInvokedBy`.
 *
 * @example
 * const task = lambdaTask<RebuildRequest, 'Prepare rebuild'>(scope, rebuild.functionArn, { 'Prepare rebuild': 'Makes a fresh table.' });
 * const prepare = task('Prepare rebuild', { operation: 'prepare', rebuild: thisExecution });
 */
export function lambdaTask<Request extends object, StateName extends string>(
  scope: Construct,
  functionArn: string,
  comments: Readonly<Record<StateName, string>>,
): LambdaTask<Request, StateName> {
  return (stateName, request, assign = {}) => {
    const comment = comments[stateName];
    const task = new InvokeFunction(scope, stateName, { functionArn, comment, request, assign });
    for (const retry of retries) {
      task.addRetry(retry);
    }
    return task;
  };
}

interface InvokeFunctionProps {
  readonly functionArn: string;
  readonly comment: string;
  readonly request: object;
  readonly assign: Readonly<Record<string, Expression>>;
}

/** A state that invokes a function. The CDK's own has to know the function at synth; this one takes an expression. */
class InvokeFunction extends TaskStateBase {
  protected readonly taskMetrics: TaskMetricsConfig = {};
  protected readonly taskPolicies: PolicyStatement[] = [];
  readonly #functionArn: string;
  readonly #request: object;

  constructor(
    scope: Construct,
    stateName: string,
    { functionArn, comment, request, assign }: InvokeFunctionProps,
  ) {
    super(scope, stateName, {
      comment,
      queryLanguage: QueryLanguage.JSONATA,
      outputs: '{% $states.result.Payload %}',
      ...(Object.keys(assign).length > 0 && { assign }),
      // Lambda's own timeout comes first; this one is for an answer that never arrives.
      taskTimeout: Timeout.duration(Duration.seconds(functionTimeoutSeconds + 60)),
    });
    this.#functionArn = functionArn;
    this.#request = request;
  }

  protected override _renderTask(): object {
    return {
      Resource: `arn:${Aws.PARTITION}:states:::lambda:invoke`,
      Arguments: { FunctionName: this.#functionArn, Payload: this.#request },
    };
  }
}

/**
 * The condition of a Choice behind a state that invokes a function: the function returned this `state`.
 *
 * @param and Another condition in JSONata that must hold as well.
 */
export function returned<Answer extends { readonly state: string }>(
  state: Answer['state'],
  and: string = '',
): Condition {
  return Condition.jsonata(`{% $states.input.state = '${state}'${and && ` and ${and}`} %}`);
}

/** Holds where the function wants a rest before it is invoked again. Without one, the machine takes no Wait. */
export const wantsRest = '$states.input.rest_seconds > 0';
