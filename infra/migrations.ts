import { Fn, Tags, Token } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { CfnStateMachine, type IStateMachine, type StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { didYouMean } from '../functions/engine/define/closest.ts';
import { checkSchema, defaultSchema } from '../functions/engine/ledger/names.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import type { DataApiDatabase } from './database.ts';
import { DatabaseFunction } from './database-function.ts';
import { defaultMachineName, defaultSlicesPerExecution } from './deployment.ts';
import { type Granted, grantOperate, grantRead, grantStart } from './grants.ts';
import { executionsOf, machine, machineArn, nameOf } from './machine.ts';
import { migrationsMachine } from './migrations-machine.ts';
import { databaseTags, insteadInTags, notInTags, tagValue } from './tags.ts';

/**
 * What the migrations of a database need.
 *
 * @example
 * new Migrations(this, 'Migrations', {
 *   database: { cluster, secret, databaseName: 'orders' },
 *   entry: fileURLToPath(new URL('migrate.ts', import.meta.url)), // export const handler = migrate([…])
 *   followUps: { 'rebuild-orders': rebuildOrders },
 *   machineName: 'migrate-orders',
 * });
 */
export interface MigrationsProps {
  /** The database to migrate. */
  readonly database: DataApiDatabase;
  /** Path of the TypeScript file that exports the `handler` of the `migrate` Lambda. */
  readonly entry: string;
  /** The machines of the follow-up jobs that migrations may declare, by the name of the job. Default: none. */
  readonly followUps?: Readonly<Record<string, IStateMachine>>;
  /** The follow-up jobs that the registered migrations declare: synth fails unless each is in `followUps`. Default: none. */
  readonly declaredJobs?: readonly string[];
  /** The name of the state machine. Default: `defaultMachineName`, `run-migrations`. */
  readonly machineName?: string | undefined;
  /**
   * Slices after which a run goes on in its next part, another execution, so that none comes near 25,000 events, at which AWS ends it.
   * Default and most: `defaultSlicesPerExecution`, 300, where the arithmetic stands.
   */
  readonly slicesPerExecution?: number;
  /**
   * Whether keys and values of rows may be in the results and errors of a run, which are read in states, events and logs: up to ten
   * row errors and invalid rows. Default: false; `npx migrations errors` asks the database for them.
   */
  readonly showRowData?: boolean | undefined;
  /** How many migrations may be at work in the background at once. The others wait, in the order of the registry. Default: 2. */
  readonly backgroundAtOnce?: number;
}

/** The data migrations of one database: a Lambda that does the work, and a state machine that runs it. */
export class Migrations extends Construct {
  /** Runs every registered migration when it is started with the input `{}`. */
  readonly machine: StateMachine;
  /** The Lambda that the machine's states invoke, each for one operation. */
  readonly migrate: DatabaseFunction;
  readonly #granted: Granted;

  constructor(scope: Construct, id: string, props: MigrationsProps) {
    super(scope, id);
    const {
      machineName = defaultMachineName,
      slicesPerExecution = defaultSlicesPerExecution,
      followUps = {},
      showRowData = false,
      backgroundAtOnce,
    } = props;
    checkSchema(props.database.ledgerSchema ?? defaultSchema);
    refuseUndeployed(props.declaredJobs ?? [], Object.keys(followUps));

    const jobs = Object.fromEntries(
      Object.entries(followUps).map(([job, { stateMachineArn }]) => [job, stateMachineArn]),
    );

    this.migrate = new DatabaseFunction(this, 'Migrate', {
      database: props.database,
      entry: props.entry,
      serviceName: 'migrate',
      environment: {
        SLICES_PER_EXECUTION: String(slicesPerExecution),
        FOLLOW_UPS: JSON.stringify(jobs),
        ...(backgroundAtOnce !== undefined && { BACKGROUND_AT_ONCE: String(backgroundAtOnce) }),
        ...(showRowData && { SHOW_ROW_DATA: 'true' }),
      },
    });
    this.#granted = { machineName, followUps: Object.values(followUps), database: props.database };
    // To see whether the run that holds the ledger still runs, and what became of the jobs that were started.
    for (const name of [machineName, ...Object.values(followUps).map(nameOf)]) {
      this.migrate.mayDescribe(executionsOf(this, name));
    }

    this.machine = machine(this, {
      name: machineName,
      comment: 'Runs every registered data migration in order, then starts the follow-up jobs.',
      startsAt: migrationsMachine(this, {
        migrate: this.migrate.pinned,
        machineArn: machineArn(this, machineName),
        executions: executionsOf(this, machineName),
        followUps: jobs,
      }),
    });
    this.migrate.mayBeInvokedBy(this.machine);
    acknowledgeWildcard(
      this.machine.role,
      executionsOf(this, machineName),
      'Its own executions: a run waits for its parts, and stops them when it is stopped. Their names are made when they start.',
    );
    tagWithDatabase(this.machine, props.database);
  }

  /**
   * What a pipeline needs: to start runs and to ask how they ended. Nothing of the database, and no other machine.
   *
   * @example
   * migrations.grantStart(releaseRole);
   */
  grantStart(grantee: IGrantable): Grant {
    return grantStart(this, this.#granted, grantee);
  }

  /**
   * What the commands need that only look, such as `list`, `progress`, `finished`, `errors`, and the console. They read the ledger
   * by the Data API with the secret of the migrations, and the Data API knows no reading alone: who has this right can say to the
   * database whatever the secret's user may.
   */
  grantRead(grantee: IGrantable): Grant {
    return grantRead(this, this.#granted, grantee);
  }

  /** What all commands need: what `grantRead` gives, and starting, stopping and redriving runs and follow-up jobs. */
  grantOperate(grantee: IGrantable): Grant {
    return grantOperate(this, this.#granted, grantee);
  }
}

/** Writes the database of a machine into its tags, where the command `migrations` finds it with nothing to configure. */
function tagWithDatabase(
  machine: StateMachine,
  { cluster, secret, databaseName, ledgerSchema }: DataApiDatabase,
): void {
  const secretArn = Token.isUnresolved(secret.secretArn)
    ? Fn.join(insteadInTags, Fn.split(notInTags, secret.secretArn))
    : secret.secretArn.replaceAll(notInTags, insteadInTags);
  const tags = [
    [databaseTags.clusterArn, cluster.clusterArn],
    [databaseTags.secretArn, secretArn],
    [databaseTags.databaseName, databaseName],
    ...(ledgerSchema === undefined ? [] : [[databaseTags.ledgerSchema, ledgerSchema] as const]),
  ] as const;
  for (const [key, value] of tags) {
    if (!Token.isUnresolved(value) && !tagValue.test(value)) {
      throw new Error(
        `The machine gets the tag ${key}, and a tag has at most 256 letters, digits, spaces and _.:/=+-@, ` +
          `so it cannot be ${JSON.stringify(value)}.`,
      );
    }
    // On the machine alone, not on its role.
    Tags.of(machine).add(key, value, { includeResourceTypes: [CfnStateMachine.CFN_RESOURCE_TYPE_NAME] });
  }
}

function refuseUndeployed(declared: readonly string[], deployed: readonly string[]): void {
  const missing = declared.filter((job) => !deployed.includes(job));
  if (missing.length > 0) {
    throw new Error(
      `Migrations declare the follow-up jobs ${missing.join(', ')}, which no deployed machine does. ` +
        `Deployed: ${deployed.join(', ') || 'none'}${didYouMean(missing, deployed) || '.'} Add a machine to followUps or correct the name.`,
    );
  }
}
