import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { QueryLanguage, type TaskMetricsConfig, TaskStateBase } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Caller } from '../functions/contract.ts';
import { type Expression, thisExecution, type WithExpressions } from './lambda-task.ts';

// A run is one execution that works, and for the rest of a long one waits for its parts, one after the other: executions of the same
// machine that begin with what they are a part of. So what was started runs until all is over, and ends as that ended; and only two
// executions are under way, however many parts there were.

const partOf = '$states.context.Execution.Input.part_of';

/** Holds in an execution that is a part of another one's run. */
export const isPart = `$exists(${partOf})`;

/** The run that a state belongs to. Each state evaluates it anew, so that a redrive shows. */
export const thisRun: WithExpressions<Caller> = {
  execution_arn: `{% ${isPart} ? ${partOf}.execution_arn : ${inner(thisExecution.execution_arn)} %}`,
  redrive_count: `{% ${isPart} ? ${partOf}.redrive_count : ${inner(thisExecution.redrive_count)} %}`,
  part: `{% ${isPart} ? ${partOf}.part : 1 %}`,
};

/** The version of the function that a run uses: the one its first execution began with, where that says so. */
export function functionOfRun(pinned: string): Expression {
  return `{% $exists(${partOf}.function) ? ${partOf}.function : '${pinned}' %}`;
}

// Of 80 characters "-part-" and five digits take 11, "-redrive-" and two digits as many. A name that is too long for that ends in a
// digest instead, so that two runs with the same beginning have parts of different names.
const runName =
  "($name := $states.context.Execution.Name; $length($name) <= 58 ? $name : $substring($name, 0, 49) & '-' & $substring($hash($name, 'SHA-256'), 0, 8))";

// A redrive waits for another execution than the one that ended: a name is never free again.
const redriven = `$exists($states.context.Execution.RedriveCount) and $states.context.Execution.RedriveCount > 0`;
const ofRedrive = `(${redriven} ? '-redrive-' & $states.context.Execution.RedriveCount : '')`;

/**
 * @example
 * new NextPart(scope, 'Next part', { comment: 'Goes on.', machineArn, executions: executionsOf(scope, name), functionArn: migrate.functionArn });
 */
export interface NextPartProps {
  /** What the console shows beside the state. */
  readonly comment: string;
  /** The machine's own ARN. Without a version, so that the part is one of what was deployed last. */
  readonly machineArn: string;
  /** A pattern for the ARNs of the machine's executions. */
  readonly executions: string;
  /** The version of the function that this machine uses. A run keeps it, unless it is one in the background. */
  readonly functionArn: string;
}

/**
 * A state that starts the next part of a run, waits until it has ended, and whose output is the part's. Its number is in the variable
 * `part`. If the execution is stopped, Step Functions stops the part that it waits for.
 */
export class NextPart extends TaskStateBase {
  protected readonly taskMetrics: TaskMetricsConfig = {};
  protected readonly taskPolicies: PolicyStatement[];
  readonly #props: NextPartProps;

  constructor(scope: Construct, stateName: string, props: NextPartProps) {
    super(scope, stateName, {
      comment: props.comment,
      queryLanguage: QueryLanguage.JSONATA,
      outputs: '{% $states.result.Output %}',
      assign: { part: '{% $part + 1 %}' },
    });
    this.#props = props;
    this.taskPolicies = [
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [props.machineArn] }),
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: [props.executions],
      }),
      // By this rule, which Step Functions makes itself, it hears that an execution has ended.
      new PolicyStatement({
        actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
        resources: [
          `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule`,
        ],
      }),
    ];
    // Only what comes before the part has begun: once it has, another try would find its name taken. 2 + 4 + 8 + 16 s = 30 s
    // outlast a throttle.
    this.addRetry({
      errors: [
        'StepFunctions.ThrottlingException',
        'StepFunctions.SdkClientException',
        'StepFunctions.AWSStepFunctionsException',
      ],
      interval: Duration.seconds(2),
      backoffRate: 2,
      maxAttempts: 4,
    });
  }

  protected override _renderTask(): object {
    const { machineArn, functionArn } = this.#props;
    const run = inner(thisExecution.execution_arn);
    const keepsItsCode = '$not($exists($states.context.Execution.Input.background))';
    return {
      Resource: `arn:${Aws.PARTITION}:states:::states:startExecution.sync:2`,
      Arguments: {
        StateMachineArn: machineArn,
        Name: `{% ${runName} & '-part-' & ($part + 1) & ${ofRedrive} %}`,
        Input: {
          part_of: `{% $merge([{'execution_arn': ${run}, 'redrive_count': ${inner(thisExecution.redrive_count)}, 'part': $part + 1}, ${keepsItsCode} ? {'function': '${functionArn}'} : {}]) %}`,
          AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: '{% $states.context.Execution.Id %}',
        },
      },
    };
  }
}

/** An expression as it stands inside of another. */
function inner(expression: unknown): string {
  return `(${String(expression).slice(2, -2).trim()})`;
}
