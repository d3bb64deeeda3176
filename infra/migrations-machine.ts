import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Errors,
  Fail,
  type IChainable,
  Map as MapState,
  ProvideItems,
  Succeed,
  type TaskStateBase,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import {
  type Closed,
  ErrorName,
  type Failure,
  type MigrateRequest,
  type OfOneMigration,
  type Pending,
  type Restored,
  type Slice,
  type Validated,
} from '../functions/contract.ts';
import { type Asking, answers, ask, type Expression, thisExecution as run } from './ask.ts';
import { alreadyStarted, StartExecution } from './start-execution.ts';

export interface MigrationsMachineProps {
  /** The version of the `migrate` Lambda that an execution uses from its first state to its last. */
  readonly migrate: IFunction;
  /** The machine's own ARN: a long run goes on in another execution of it. */
  readonly machineArn: string;
  /** Name of a follow-up job → ARN of its state machine. */
  readonly followUps: Readonly<Record<string, string>>;
}

/** One run over all registered migrations: the states in the order they run, and below them the ways between them. */
export function migrationsMachine(scope: Construct, props: MigrationsMachineProps): IChainable {
  const { migrate, machineArn, followUps } = props;
  const asking = (
    stateName: string,
    request: Asking<MigrateRequest>,
    assign?: Readonly<Record<string, Expression>>,
  ) => ask<MigrateRequest>(scope, stateName, migrate, request, assign);

  const openRun = asking('Open run', { operation: 'open', run, input: '{% $states.input %}' });
  const eachMigration = MapState.jsonata(scope, 'Each migration', {
    items: ProvideItems.jsonata('{% $states.input.migrations %}'),
    maxConcurrency: 1,
  });

  const pending = asking(
    'Pending?',
    { operation: 'pending', run, migration: '{% $states.input %}' },
    { migration: '{% $states.input %}' },
  );
  const isItPending = Choice.jsonata(scope, 'Is it pending?');
  const skipped = Succeed.jsonata(scope, 'Skipped', { outputs: { skipped: '{% $migration %}' } });
  const ofIt = (stateName: string, operation: OfOneMigration) =>
    asking(stateName, { operation, run, migration: '{% $migration %}' });
  const rested = (stateName: string) =>
    Wait.jsonata(scope, stateName, { time: WaitTime.seconds('{% $states.input.rest_seconds %}') });
  const runBatches = ofIt('Run batches', 'batches');
  const howFar = Choice.jsonata(scope, 'How far?');
  const rest = rested('Rest');
  const validate = ofIt('Validate', 'validate');
  const isItValid = Choice.jsonata(scope, 'Is it valid?');
  const restValidating = rested('Rest before more checks');
  const restore = ofIt('Restore', 'restore');
  const howFarRestored = Choice.jsonata(scope, 'How far is it restored?');
  const restRestoring = rested('Rest before more rows');
  const cleanUp = ofIt('Clean up', 'cleanup');
  const migrated = Succeed.jsonata(scope, 'Migrated', { outputs: { migrated: '{% $migration %}' } });
  const restored = Succeed.jsonata(scope, 'Restored', { outputs: { restored: '{% $migration %}' } });
  const cleanedUp = Succeed.jsonata(scope, 'Cleaned up', { outputs: { cleaned_up: '{% $migration %}' } });
  const continuesLater = Succeed.jsonata(scope, 'Continues later', {
    outputs: { continues_later: '{% $migration %}' },
  });

  const closeRun = asking('Close run', { operation: 'close', run });
  const howDidItClose = Choice.jsonata(scope, 'How did it close?');

  const startContinuation = new StartExecution(scope, 'Start continuation', {
    stateMachineArn: '{% $states.context.StateMachine.Id %}',
    startable: [machineArn],
    executionName: '{% $states.input.execution_name %}',
    input: '{% $states.input.input %}',
  });
  const continued = Succeed.jsonata(scope, 'Continued', {
    outputs: {
      continued_by:
        "{% $replace($states.context.StateMachine.Id, ':stateMachine:', ':execution:') & ':' & $states.input.execution_name %}",
    },
  });

  const startJobs = MapState.jsonata(scope, 'Start follow-up jobs', {
    items: ProvideItems.jsonata('{% $states.input.follow_ups %}'),
    maxConcurrency: 1,
    outputs: '{% $states.input %}',
  });
  const startJob = new StartExecution(scope, 'Start job', {
    stateMachineArn: `{% $lookup(${JSON.stringify(followUps)}, $states.input.job) %}`,
    startable: Object.values(followUps),
    executionName: '{% $states.input.execution_name %}',
    // By this key the console links a job to its run, and the job knows what to wait for.
    input: { AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: '{% $states.context.Execution.Id %}' },
  });
  const started = Succeed.jsonata(scope, 'Started');
  const completed = Succeed.jsonata(scope, 'Completed', { outputs: '{% $states.input.result %}' });

  // Refusals touch nothing: the ledger belongs to the run that holds it.
  const alreadyRunning = refusal(scope, 'Already running', ErrorName.AlreadyRunning);
  const invalidInput = refusal(scope, 'Invalid input', ErrorName.InvalidInput);

  const recordFailure = asking('Record failure', {
    operation: 'fail',
    run,
    error: '{% $states.input.error %}',
    cause: '{% $states.input.cause %}',
  });
  const failed = Fail.jsonata(scope, 'Failed', {
    error: '{% $states.input.error %}',
    cause: '{% $states.input.cause %}',
  });

  // A failure that cannot be recorded is still shown as what it was.
  recordFailure.addCatch(failed, { errors: [Errors.ALL], outputs: '{% $states.input %}' }).next(failed);
  const recorded = <State extends TaskStateBase | MapState>(state: State): State => {
    for (const errors of caught) {
      state.addCatch(recordFailure, { errors: [errors], outputs: failure });
    }
    return state;
  };

  openRun.addCatch(alreadyRunning, { errors: [ErrorName.AlreadyRunning] });
  openRun.addCatch(invalidInput, { errors: [ErrorName.InvalidInput] });

  eachMigration.itemProcessor(
    pending.next(
      isItPending
        .when(answers<Pending>('skipped'), skipped)
        .when(answers<Pending>('continued'), continuesLater)
        .when(answers<Pending>('validate'), validate)
        .when(answers<Pending>('restore'), restore)
        .when(answers<Pending>('cleanup'), cleanUp.next(cleanedUp))
        .when(answers<Pending>('pending'), runBatches),
    ),
  );
  runBatches.next(
    howFar
      .when(answers<Slice>('more', '$states.input.rest_seconds > 0'), rest.next(runBatches))
      .when(answers<Slice>('more'), runBatches) // no rest, no transitions for it
      .when(answers<Slice>('continued'), continuesLater)
      .when(answers<Slice>('validate'), validate)
      .when(answers<Slice>('restore'), restore)
      .when(answers<Slice>('done'), migrated),
  );
  validate.next(
    isItValid
      .when(answers<Validated>('more', '$states.input.rest_seconds > 0'), restValidating.next(validate))
      .when(answers<Validated>('more'), validate)
      .when(answers<Validated>('continued'), continuesLater)
      .when(answers<Validated>('restore'), restore)
      .when(answers<Validated>('passed'), migrated),
  );
  restore.next(
    howFarRestored
      .when(answers<Restored>('more', '$states.input.rest_seconds > 0'), restRestoring.next(restore))
      .when(answers<Restored>('more'), restore)
      .when(answers<Restored>('continued'), continuesLater)
      .when(answers<Restored>('done'), restored),
  );

  startContinuation.addCatch(continued, alreadyStarted).next(continued);
  startJobs.itemProcessor(startJob.addCatch(started, alreadyStarted).next(started));

  return recorded(openRun)
    .next(recorded(eachMigration))
    .next(recorded(closeRun))
    .next(
      howDidItClose
        .when(answers<Closed>('continued'), recorded(startContinuation))
        .when(
          answers<Closed>('succeeded', '$count($states.input.follow_ups) > 0'),
          recorded(startJobs).next(completed),
        )
        .when(answers<Closed>('succeeded'), completed),
    );
}

/** `States.ALL` stands alone and last, and does not speak for the data limit. */
const caught = ['States.DataLimitExceeded', Errors.ALL] as const;

/** What went wrong, in the words of the contract; a timeout has no cause. */
const failure: Asking<Failure> = {
  error: '{% $states.errorOutput.Error %}',
  cause: "{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : '' %}",
};

function refusal(scope: Construct, stateName: string, error: ErrorName): Fail {
  return Fail.jsonata(scope, stateName, { error, cause: '{% $parse($states.input.Cause).errorMessage %}' });
}
