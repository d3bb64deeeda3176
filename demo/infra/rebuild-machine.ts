import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  Fail,
  type IChainable,
  Succeed,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { CallAwsService } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { ErrorName, type RebuildRequest, type Replayed } from '../../functions/contract.ts';
import { lambdaTask, returned, thisExecution, wantsRest } from '../../infra/lambda-task.ts';

/**
 * @example
 * rebuildMachine(this, {
 *   rebuild: rebuild.pinned,
 *   migrationsMachineName: 'run-migrations',
 *   runs: executionsOf(this, 'run-migrations'),
 * });
 */
export interface RebuildMachineProps {
  /** The version of the `rebuild` Lambda that an execution uses from its first state to its last. */
  readonly rebuild: IFunction;
  /** The machine whose executions are the runs to wait for. */
  readonly migrationsMachineName: string;
  /** A pattern for the ARNs of those executions: the machine may read their status. */
  readonly runs: string;
}

/** One rebuild of the projections: after the run that started it, or at once when it was started by hand. */
export function rebuildMachine(scope: Construct, props: RebuildMachineProps): IChainable {
  const task = lambdaTask<RebuildRequest, 'Prepare rebuild' | 'Replay events'>(
    scope,
    props.rebuild.functionArn,
    {
      'Prepare rebuild': 'Makes a fresh table for each projection, or goes on with those that are there.',
      'Replay events':
        'Replays events into the fresh tables for up to four minutes, and at last swaps them in.',
    },
  );

  const starter = '$states.input.AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID';
  const startedByARun = Choice.jsonata(scope, 'Started by a run?', {
    comment: 'A rebuild waits for the run that started it; started by hand, it waits for nobody.',
  });
  const byARun = Condition.jsonata(
    `{% $type(${starter}) = 'string' ? $contains(${starter}, ':execution:${props.migrationsMachineName}:') : false %}`,
  );

  const askForTheRun = CallAwsService.jsonata(scope, 'Ask for the run', {
    comment: 'Asks Step Functions how the run is that started this rebuild.',
    service: 'sfn',
    action: 'describeExecution',
    // Without the run's input and output: its result map alone may fill a state.
    parameters: { ExecutionArn: '{% $run %}', IncludedData: 'METADATA_ONLY' },
    outputs: { status: '{% $states.result.Status %}' },
    iamAction: 'states:DescribeExecution',
    iamResources: [props.runs],
  });
  const howDidItEnd = Choice.jsonata(scope, 'How did it end?', {
    comment: 'Only after a run that has succeeded is anything rebuilt.',
  });
  const goesOn = Condition.jsonata("{% $states.input.status in ['RUNNING', 'PENDING_REDRIVE'] %}");
  const succeeded = Condition.jsonata("{% $states.input.status = 'SUCCEEDED' %}");
  // A run starts its jobs in its last second or two, so one wait is nearly always enough. Asking every 5 s for a run that
  // takes longer throttles nobody.
  const waitForTheRun = Wait.jsonata(scope, 'Wait for the run', {
    comment: 'The run is in its last second or two.',
    time: WaitTime.duration(Duration.seconds(5)),
  });
  const runDidNotSucceed = Fail.jsonata(scope, 'Run did not succeed', {
    comment: 'Nothing was rebuilt; the cause says what to do.',
    error: ErrorName.RunDidNotSucceed,
    cause:
      "{% 'Nothing was rebuilt: the run that started this rebuild, ' & $run & ', ended ' & $states.input.status & '. Start the migrations again: the run that succeeds starts a rebuild. Or start this machine with {} to rebuild now.' %}",
  });

  const prepareRebuild = task('Prepare rebuild', { operation: 'prepare', rebuild: thisExecution });
  // This machine needs no second execution: at 7 to 9 events a slice, 25,000 events are 2,700 slices of four minutes, which
  // is a week of replaying.
  const replayEvents = task('Replay events', { operation: 'replay', rebuild: thisExecution });
  const howFar = Choice.jsonata(scope, 'How far?', {
    comment: 'There are more events; or the projections are rebuilt.',
  });
  const rest = Wait.jsonata(scope, 'Rest', {
    comment: 'Leaves the database to others for as long as the answer says.',
    time: WaitTime.seconds('{% $states.input.rest_seconds %}'),
  });
  const rebuilt = Succeed.jsonata(scope, 'Rebuilt', {
    comment: 'The fresh projections are in use. The output says of how many events.',
    outputs: { events: '{% $states.input.events %}', projections: '{% $states.input.projections %}' },
  });

  askForTheRun.addRetry({
    // Throttling has the service's own error name. A run that has just started may be unknown for a moment.
    errors: ['Sfn.SfnException', 'Sfn.SdkClientException', 'Sfn.ExecutionDoesNotExistException'],
    interval: Duration.seconds(2),
    backoffRate: 2,
    maxAttempts: 6, // 126 s, as for a Lambda
  });
  askForTheRun.next(
    howDidItEnd.when(succeeded, prepareRebuild).when(goesOn, waitForTheRun).otherwise(runDidNotSucceed),
  );
  waitForTheRun.next(askForTheRun);

  prepareRebuild
    .next(replayEvents)
    .next(
      howFar
        .when(returned<Replayed>('more', wantsRest), rest.next(replayEvents))
        .when(returned<Replayed>('more'), replayEvents)
        .when(returned<Replayed>('done'), rebuilt),
    );

  return startedByARun
    .when(byARun, askForTheRun, { assign: { run: `{% ${starter} %}` } })
    .otherwise(prepareRebuild);
}
