import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  type CatchProps,
  Errors,
  QueryLanguage,
  type TaskMetricsConfig,
  TaskStateBase,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Expression } from './lambda-task.ts';

/**
 * @example
 * new StartExecution(scope, 'Start job', {
 *   comment: 'Starts the job that the input names.',
 *   stateMachineArn: '{% $states.input.job_arn %}',
 *   startable: [rebuildOrders.stateMachineArn],
 *   executionName: '{% $states.context.Execution.Name %}',
 *   input: { orders: '{% $states.input.orders %}' },
 * });
 */
export interface StartExecutionProps {
  /** What the console shows beside the state. */
  readonly comment: string;
  /** The ARN of the machine to start, or an expression for it. */
  readonly stateMachineArn: string;
  /** Every ARN that the expression may come to: the machine may start these. */
  readonly startable: readonly string[];
  /** The name of the execution, made from the one that starts it, so that another try cannot start a second. */
  readonly executionName: Expression;
  /** The input of the execution. */
  readonly input: Expression | Readonly<Record<string, Expression | Readonly<Record<string, Expression>>>>;
}

const executionAlreadyExists = [
  'StepFunctions.ExecutionAlreadyExistsException',
  'StepFunctions.ExecutionAlreadyExists',
];

/** Where an earlier try has started it already, that is success: the name says that it is the same execution. */
export const alreadyStarted: CatchProps = { errors: executionAlreadyExists, outputs: '{% $states.input %}' };

/**
 * A state that starts an execution, and whose output is its input. The CDK's own state has to know the machine at synth; this
 * one takes an expression.
 */
export class StartExecution extends TaskStateBase {
  protected readonly taskMetrics: TaskMetricsConfig = {};
  protected readonly taskPolicies: PolicyStatement[];
  readonly #props: StartExecutionProps;

  constructor(scope: Construct, stateName: string, props: StartExecutionProps) {
    super(scope, stateName, {
      comment: props.comment,
      queryLanguage: QueryLanguage.JSONATA,
      outputs: '{% $states.input %}',
    });
    this.#props = props;
    this.taskPolicies = props.startable.map(
      (machine) => new PolicyStatement({ actions: ['states:StartExecution'], resources: [machine] }),
    );
    this.addRetry({ errors: executionAlreadyExists, maxAttempts: 0 });
    // Every other error, since the name makes another try harmless. 2 + 4 + 8 + 16 s = 30 s outlast a throttle.
    this.addRetry({ errors: [Errors.ALL], interval: Duration.seconds(2), backoffRate: 2, maxAttempts: 4 });
  }

  protected override _renderTask(): object {
    const { stateMachineArn, executionName, input } = this.#props;
    return {
      Resource: `arn:${Aws.PARTITION}:states:::states:startExecution`,
      Arguments: { StateMachineArn: stateMachineArn, Name: executionName, Input: input },
    };
  }
}
