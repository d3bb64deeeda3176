import {
  Choice,
  type IChainable,
  Map as MapState,
  ProvideItems,
  Succeed,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import {
  type CleanedUp,
  type LaneSlice,
  type MigrateRequest,
  mostLanes,
  type NotBegun,
  type OfOneMigration,
  type Pending,
  type Restored,
  type Slice,
  type Validated,
} from '../functions/contract.ts';
import { type LambdaTask, returned, wantsRest } from './lambda-task.ts';
import { thisRun as run } from './parts.ts';
import { alreadyStarted, StartExecution } from './start-execution.ts';
import { stateComments as comments, type StateName } from './state-names.ts';

/** What a run does with one migration: first the states in the order in which they run, then the ways between them. */
export function migrationStates(
  scope: Construct,
  { task, machineArn }: { readonly task: LambdaTask<MigrateRequest, StateName>; readonly machineArn: string },
): IChainable {
  const migration = '{% $migration %}';
  const doing = (stateName: StateName, operation: OfOneMigration) =>
    task(stateName, { operation, run, migration });
  const choice = (stateName: StateName) => Choice.jsonata(scope, stateName, { comment: comments[stateName] });
  const rest = (stateName: StateName) =>
    Wait.jsonata(scope, stateName, {
      comment: comments[stateName],
      time: WaitTime.seconds('{% $states.input.rest_seconds %}'),
    });
  const succeed = (stateName: StateName, outputs: string | object) =>
    Succeed.jsonata(scope, stateName, { comment: comments[stateName], outputs });
  // By its name, as it will be in the result map.
  const result = '{% {$migration: $states.input.result} %}';

  const pending = task(
    'Pending?',
    { operation: 'pending', run, migration: '{% $states.input %}' },
    { migration: '{% $states.input %}' },
  );
  const isItPending = choice('Is it pending?');
  const skipped = succeed('Skipped', result);
  const waitForItsTurn = Wait.jsonata(scope, 'Wait for its turn', {
    comment: comments['Wait for its turn'],
    time: WaitTime.seconds('{% $states.input.rest_seconds %}'),
    outputs: migration,
  });
  const startInBackground = new StartExecution(scope, 'Start in the background', {
    comment: comments['Start in the background'],
    stateMachineArn: machineArn,
    startable: [machineArn],
    executionName: '{% $states.input.execution_name %}',
    input: {
      background: '{% $states.input.input.background %}',
      // By this key the console links it to the run that started it.
      AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: '{% $states.context.Execution.Id %}',
    },
  });
  const inBackground = succeed('In the background', result);
  const paused = succeed('Paused', result);
  const runBatches = doing('Run batches', 'batches');
  const howFar = choice('How far?');
  const runLanes = MapState.jsonata(scope, 'Run lanes', {
    comment: comments['Run lanes'],
    items: ProvideItems.jsonata('{% $states.input.lanes %}'),
    maxConcurrency: mostLanes,
  });
  const runLane = task('Run a lane', {
    operation: 'lane',
    run,
    migration,
    lane: { number: '{% $states.input.number %}', of: '{% $states.input.of %}' },
  });
  const howFarIsLane = choice('How far is the lane?');
  const restOfLane = rest('Rest of the lane');
  const restWithoutLane = rest('Rest of an idle lane');
  const laneDone = succeed('Lane done', '{% {} %}');
  const restFromBatches = rest('Rest');
  const restBeforePart = rest('Rest before the next part');
  const validate = doing('Validate', 'validate');
  const isItValid = choice('Is it valid?');
  const restFromChecks = rest('Rest before more checks');
  const restore = doing('Restore', 'restore');
  const howFarRestored = choice('How far is it restored?');
  const restFromRestoring = rest('Rest before more rows');
  const cleanUp = doing('Clean up', 'cleanup');
  const howIsItCleanedUp = choice('Is it cleaned up?');
  const migrated = succeed('Migrated', result);
  const restored = succeed('Restored', result);
  const cleanedUp = succeed('Cleaned up', result);
  const continuesLater = succeed('Continues later', "{% {$migration: 'goes on in the next part'} %}");

  startInBackground.addCatch(inBackground, alreadyStarted).next(inBackground);
  waitForItsTurn.next(pending);

  runBatches.next(
    howFar
      .when(returned<Slice>('more', wantsRest), restFromBatches.next(runBatches))
      .when(returned<Slice>('more'), runBatches)
      .when(returned<Slice>('lanes'), runLanes.next(runBatches))
      .when(returned<Slice | NotBegun>('wait'), waitForItsTurn)
      .when(returned<Slice>('continued', wantsRest), restBeforePart.next(continuesLater))
      .when(returned<Slice>('continued'), continuesLater)
      .when(returned<Slice>('validate'), validate)
      .when(returned<Slice>('restore'), restore)
      .when(returned<Slice>('done'), migrated),
  );
  runLanes.itemProcessor(
    runLane.next(
      howFarIsLane
        .when(returned<LaneSlice>('more', wantsRest), restOfLane.next(runLane))
        .when(returned<LaneSlice>('more'), runLane)
        .when(returned<LaneSlice>('done', wantsRest), restWithoutLane.next(laneDone))
        .when(returned<LaneSlice>('done'), laneDone)
        .when(returned<NotBegun>('wait'), laneDone)
        .when(returned<NotBegun>('continued', wantsRest), restWithoutLane)
        .when(returned<NotBegun>('continued'), laneDone),
    ),
  );
  validate.next(
    isItValid
      .when(returned<Validated>('more', wantsRest), restFromChecks.next(validate))
      .when(returned<Validated>('more'), validate)
      .when(returned<Validated | NotBegun>('wait'), waitForItsTurn)
      .when(returned<Validated>('continued'), continuesLater)
      .when(returned<Validated>('restore'), restore)
      .when(returned<Validated>('passed'), migrated),
  );
  restore.next(
    howFarRestored
      .when(returned<Restored>('more', wantsRest), restFromRestoring.next(restore))
      .when(returned<Restored>('more'), restore)
      .when(returned<Restored | NotBegun>('wait'), waitForItsTurn)
      .when(returned<Restored>('continued'), continuesLater)
      .when(returned<Restored>('done'), restored),
  );
  cleanUp.next(
    howIsItCleanedUp
      .when(returned<CleanedUp>('done'), cleanedUp)
      .when(returned<NotBegun>('continued'), continuesLater),
  );
  return pending.next(
    isItPending
      .when(returned<Pending>('skipped'), skipped)
      .when(returned<Pending>('done'), migrated)
      .when(returned<Pending>('start'), startInBackground)
      .when(returned<Pending>('background'), inBackground)
      .when(returned<Pending>('paused'), paused)
      .when(returned<Pending>('wait'), waitForItsTurn)
      .when(returned<Pending>('continued'), continuesLater)
      .when(returned<Pending>('validate'), validate)
      .when(returned<Pending>('restore'), restore)
      .when(returned<Pending>('cleanup'), cleanUp)
      .when(returned<Pending>('pending'), runBatches),
  );
}
