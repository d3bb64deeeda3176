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
import type { Expression } from './ask.ts';

export interface StartExecutionProps {
  /** Which machine to start. */
  readonly stateMachineArn: Expression;
  /** The ARNs it may come to. */
  readonly startable: readonly string[];
  /** Derived from the name of the execution that starts it: once is all there can be. */
  readonly executionName: Expression;
  readonly input: Expression | Readonly<Record<string, Expression>>;
}

const executionAlreadyExists = [
  'StepFunctions.ExecutionAlreadyExistsException',
  'StepFunctions.ExecutionAlreadyExists',
];

/** Losing against an earlier try is success: the name says that it is the same execution. */
export const alreadyStarted: CatchProps = { errors: executionAlreadyExists, outputs: '{% $states.input %}' };

/**
 * A state that starts an execution and passes its own input on. CDK's own wants to know the machine at synth; this one
 * learns it at run time.
 */
export class StartExecution extends TaskStateBase {
  protected readonly taskMetrics: TaskMetricsConfig = {};
  protected readonly taskPolicies: PolicyStatement[];
  readonly #props: StartExecutionProps;

  constructor(scope: Construct, stateName: string, props: StartExecutionProps) {
    super(scope, stateName, { queryLanguage: QueryLanguage.JSONATA, outputs: '{% $states.input %}' });
    this.#props = props;
    this.taskPolicies = props.startable.map(
      (machine) => new PolicyStatement({ actions: ['states:StartExecution'], resources: [machine] }),
    );
    this.addRetry({ errors: executionAlreadyExists, maxAttempts: 0 });
    // Whatever it was: the name makes another try harmless. 2 + 4 + 8 + 16 s outlast a throttle.
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
