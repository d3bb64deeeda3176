import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  Errors,
  Fail,
  type IChainable,
  Map as MapState,
  ProvideItems,
  Succeed,
  type TaskStateBase,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type Closed, ErrorName, type Failure, type MigrateRequest } from '../functions/contract.ts';
import { type Expression, isLastTry, lambdaTask, returned, type WithExpressions } from './lambda-task.ts';
import { migrationStates } from './migration-states.ts';
import { functionOfRun, isPart, NextPart, thisRun as run } from './parts.ts';
import { alreadyStarted, StartExecution } from './start-execution.ts';
import { stateComments as comments, type StateName } from './state-names.ts';

/**
 * @example
 * migrationsMachine(this, {
 *   migrate: migrate.pinned,
 *   machineArn: machineArn(this, 'run-migrations'),
 *   executions: executionsOf(this, 'run-migrations'),
 *   followUps: { 'rebuild-orders': rebuildOrders.stateMachineArn },
 * });
 */
export interface MigrationsMachineProps {
  /** The version of the `migrate` Lambda that an execution uses from its first state to its last. */
  readonly migrate: IFunction;
  /** The machine's own ARN: a long run goes on in other executions of it, and so does what it leaves to the background. */
  readonly machineArn: string;
  /** A pattern for the ARNs of the machine's executions. */
  readonly executions: string;
  /** The ARN of each follow-up job's state machine, by the name of the job. */
  readonly followUps: Readonly<Record<string, string>>;
}

/** One run over all registered migrations: first its states in the order in which they run, then the ways between them. */
export function migrationsMachine(scope: Construct, props: MigrationsMachineProps): IChainable {
  const { migrate, machineArn, executions, followUps } = props;
  const task = lambdaTask<MigrateRequest, StateName>(scope, functionOfRun(migrate.functionArn), comments);
  const succeed = (stateName: StateName, outputs?: object | string) =>
    Succeed.jsonata(scope, stateName, {
      comment: comments[stateName],
      ...(outputs !== undefined && { outputs }),
    });
  const forEach = (stateName: StateName, items: string, outputs?: string) =>
    MapState.jsonata(scope, stateName, {
      comment: comments[stateName],
      items: ProvideItems.jsonata(items),
      maxConcurrency: 1,
      ...(outputs !== undefined && { outputs }),
    });

  const openRun = task(
    'Open run',
    { operation: 'open', run, input: '{% $states.input %}' },
    { part: run.part as Expression },
  );
  const eachMigration = forEach('Each migration', '{% $states.input.migrations %}');
  const closeRun = task('Close run', { operation: 'close', run });
  const howDidItClose = Choice.jsonata(scope, 'How did it close?', {
    comment: comments['How did it close?'],
  });

  const nextPart = new NextPart(scope, 'Next part', {
    comment: comments['Next part'],
    machineArn,
    executions,
    functionArn: migrate.functionArn,
  });
  // What it says, its run's first execution acts on.
  const partDone = succeed('Part done', '{% $states.input %}');

  const startJobs = forEach('Start follow-up jobs', '{% $states.input.follow_ups %}', '{% $states.input %}');
  const startJob = new StartExecution(scope, 'Start job', {
    comment: comments['Start job'],
    stateMachineArn: `{% $lookup(${JSON.stringify(followUps)}, $states.input.job) %}`,
    startable: Object.values(followUps),
    executionName: '{% $states.input.execution_name %}',
    // By this key the console links a job to its run, and the job knows what to wait for.
    input: { AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: '{% $states.context.Execution.Id %}' },
  });
  const started = succeed('Started');
  const completed = succeed('Completed', '{% $states.input.result %}');

  // A run that is refused changes nothing: the ledger belongs to the run that holds it.
  const alreadyRunning = refusal(scope, 'Already running', ErrorName.AlreadyRunning);
  const invalidInput = refusal(scope, 'Invalid input', ErrorName.InvalidInput);

  const recordFailure = task('Record failure', {
    operation: 'fail',
    run,
    error: '{% $states.input.error %}',
    cause: '{% $states.input.cause %}',
    last_try: isLastTry,
  });
  const failed = Fail.jsonata(scope, 'Failed', {
    comment: comments.Failed,
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
  eachMigration.itemProcessor(migrationStates(scope, { task, machineArn }));
  startJobs.itemProcessor(startJob.addCatch(started, alreadyStarted).next(started));

  recorded(nextPart).next(howDidItClose);
  return recorded(openRun)
    .next(recorded(eachMigration))
    .next(recorded(closeRun))
    .next(
      howDidItClose
        .when(Condition.jsonata(`{% ${isPart} %}`), partDone)
        .when(returned<Closed>('continued'), nextPart)
        .when(
          returned<Closed>('succeeded', '$count($states.input.follow_ups) > 0'),
          recorded(startJobs).next(completed),
        )
        .when(returned<Closed>('succeeded'), completed),
    );
}

/** `States.ALL` has to stand alone and last, and does not include the limit on data. */
const caught = ['States.DataLimitExceeded', Errors.ALL] as const;

/** What went wrong, in the words of the contract. A timeout has no cause. */
const failure: WithExpressions<Failure> = {
  error: '{% $states.errorOutput.Error %}',
  cause: "{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : '' %}",
};

function refusal(scope: Construct, stateName: StateName, error: ErrorName): Fail {
  return Fail.jsonata(scope, stateName, {
    comment: comments[stateName],
    error,
    cause: '{% $parse($states.input.Cause).errorMessage %}',
  });
}
