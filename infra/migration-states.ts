import { Choice, type IChainable, Succeed, Wait, WaitTime } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type {
  MigrateRequest,
  OfOneMigration,
  Pending,
  Restored,
  Slice,
  Validated,
} from '../functions/contract.ts';
import { type LambdaTask, returned, thisExecution as run, wantsRest } from './lambda-task.ts';
import type { StateName } from './state-names.ts';

/** What a run does with one migration: first the states in the order in which they run, then the ways between them. */
export function migrationStates(scope: Construct, task: LambdaTask<MigrateRequest, StateName>): IChainable {
  const migration = '{% $migration %}';
  const doing = (stateName: StateName, operation: OfOneMigration) =>
    task(stateName, { operation, run, migration });
  const choice = (stateName: StateName) => Choice.jsonata(scope, stateName);
  const rest = (stateName: StateName) =>
    Wait.jsonata(scope, stateName, { time: WaitTime.seconds('{% $states.input.rest_seconds %}') });
  const succeed = (stateName: StateName, outputs: object) => Succeed.jsonata(scope, stateName, { outputs });

  const pending = task(
    'Pending?',
    { operation: 'pending', run, migration: '{% $states.input %}' },
    { migration: '{% $states.input %}' },
  );
  const isItPending = choice('Is it pending?');
  const skipped = succeed('Skipped', { skipped: migration });
  const runBatches = doing('Run batches', 'batches');
  const howFar = choice('How far?');
  const restFromBatches = rest('Rest');
  const validate = doing('Validate', 'validate');
  const isItValid = choice('Is it valid?');
  const restFromChecks = rest('Rest before more checks');
  const restore = doing('Restore', 'restore');
  const howFarRestored = choice('How far is it restored?');
  const restFromRestoring = rest('Rest before more rows');
  const cleanUp = doing('Clean up', 'cleanup');
  const migrated = succeed('Migrated', { migrated: migration });
  const restored = succeed('Restored', { restored: migration });
  const cleanedUp = succeed('Cleaned up', { cleaned_up: migration });
  const continuesLater = succeed('Continues later', { continues_later: migration });

  runBatches.next(
    howFar
      .when(returned<Slice>('more', wantsRest), restFromBatches.next(runBatches))
      .when(returned<Slice>('more'), runBatches)
      .when(returned<Slice>('continued'), continuesLater)
      .when(returned<Slice>('validate'), validate)
      .when(returned<Slice>('restore'), restore)
      .when(returned<Slice>('done'), migrated),
  );
  validate.next(
    isItValid
      .when(returned<Validated>('more', wantsRest), restFromChecks.next(validate))
      .when(returned<Validated>('more'), validate)
      .when(returned<Validated>('continued'), continuesLater)
      .when(returned<Validated>('restore'), restore)
      .when(returned<Validated>('passed'), migrated),
  );
  restore.next(
    howFarRestored
      .when(returned<Restored>('more', wantsRest), restFromRestoring.next(restore))
      .when(returned<Restored>('more'), restore)
      .when(returned<Restored>('continued'), continuesLater)
      .when(returned<Restored>('done'), restored),
  );
  return pending.next(
    isItPending
      .when(returned<Pending>('skipped'), skipped)
      .when(returned<Pending>('continued'), continuesLater)
      .when(returned<Pending>('validate'), validate)
      .when(returned<Pending>('restore'), restore)
      .when(returned<Pending>('cleanup'), cleanUp.next(cleanedUp))
      .when(returned<Pending>('pending'), runBatches),
  );
}
