import { Fn, Tags, Token } from 'aws-cdk-lib';
import { CfnStateMachine, type IStateMachine, type StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { DataApiDatabase } from './database.ts';
import { DatabaseFunction } from './database-function.ts';
import { executionsOf, machine, machineArn, nameOf } from './machine.ts';
import { migrationsMachine } from './migrations-machine.ts';
import { databaseTags, insteadInTags, notInTags, tagValue } from './tags.ts';

export interface MigrationsProps {
  /** The database to migrate. */
  readonly database: DataApiDatabase;
  /** Path of the TypeScript file that exports the `handler` of the `migrate` Lambda. */
  readonly entry: string;
  /** The follow-up jobs that migrations may declare: name of the job → the machine it starts. */
  readonly followUps?: Readonly<Record<string, IStateMachine>>;
  /** The follow-up jobs that the registered migrations do declare: each must be in `followUps`. */
  readonly declaredJobs?: readonly string[];
  /** @default run-migrations */
  readonly machineName?: string;
  /**
   * Slices until a run goes on in an execution of its own, so that none comes near 25,000 events. A slice takes at most
   * 9 events and 16 retries of 3: 300 × 57 = 17,100, and the rest is for the other states.
   *
   * @default 300
   */
  readonly slicesPerExecution?: number;
}

/** The data migrations of one database: a Lambda that does the work and a state machine that runs it. */
export class Migrations extends Construct {
  /** Start an execution with `{}` to run every registered migration. */
  readonly machine: StateMachine;
  /** Does one operation per state. */
  readonly migrate: DatabaseFunction;

  constructor(scope: Construct, id: string, props: MigrationsProps) {
    super(scope, id);
    const { machineName = 'run-migrations', slicesPerExecution = 300, followUps = {} } = props;
    refuseUndeployed(props.declaredJobs ?? [], Object.keys(followUps));

    const jobs = Object.fromEntries(
      Object.entries(followUps).map(([job, { stateMachineArn }]) => [job, stateMachineArn]),
    );

    this.migrate = new DatabaseFunction(this, 'Migrate', {
      database: props.database,
      entry: props.entry,
      serviceName: 'migrate',
      environment: { SLICES_PER_EXECUTION: String(slicesPerExecution), FOLLOW_UPS: JSON.stringify(jobs) },
    });
    // Whether the holder of the ledger still runs, and what became of the jobs that were started.
    for (const name of [machineName, ...Object.values(followUps).map(nameOf)]) {
      this.migrate.mayAskFor(executionsOf(this, name));
    }

    this.machine = machine(this, {
      name: machineName,
      comment: 'Runs every registered data migration in order, then starts the follow-up jobs.',
      startsAt: migrationsMachine(this, {
        migrate: this.migrate.pinned,
        machineArn: machineArn(this, machineName),
        followUps: jobs,
      }),
    });
    this.migrate.mayBeInvokedBy(this.machine);
    tagWithDatabase(this.machine, props.database);
  }
}

/** Lets the command `migrations` find the database of a machine, with nothing to configure. */
function tagWithDatabase(machine: StateMachine, { cluster, secret, databaseName }: DataApiDatabase): void {
  const values: Record<keyof typeof databaseTags, string> = {
    clusterArn: cluster.clusterArn,
    secretArn: Token.isUnresolved(secret.secretArn)
      ? Fn.join(insteadInTags, Fn.split(notInTags, secret.secretArn))
      : secret.secretArn.replaceAll(notInTags, insteadInTags),
    databaseName,
  };
  for (const [name, value] of Object.entries(values)) {
    const key = databaseTags[name as keyof typeof databaseTags];
    if (!Token.isUnresolved(value) && !tagValue.test(value)) {
      throw new Error(
        `The machine gets the tag ${key}, and a tag has at most 256 letters, digits, spaces and _.:/=+-@, ` +
          `so it cannot be ${JSON.stringify(value)}.`,
      );
    }
    // The machine alone: its role is found without.
    Tags.of(machine).add(key, value, { includeResourceTypes: [CfnStateMachine.CFN_RESOURCE_TYPE_NAME] });
  }
}

function refuseUndeployed(declared: readonly string[], deployed: readonly string[]): void {
  const missing = declared.filter((job) => !deployed.includes(job));
  if (missing.length > 0) {
    throw new Error(
      `Migrations declare the follow-up jobs ${missing.join(', ')}, which no deployed machine does. ` +
        `Deployed: ${deployed.join(', ') || 'none'}. Add a machine to followUps or correct the name.`,
    );
  }
}
