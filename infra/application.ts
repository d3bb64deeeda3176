import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Migration } from '../functions/engine/define/migration.ts';
import type { DataApiDatabase } from './database.ts';

/**
 * What is deployed for one application: its migrations, and the jobs that follow them. A project of your own writes this, and nothing
 * else of `infra/`.
 *
 * @example
 * export const shop: Application = {
 *   migrations,
 *   handler: 'data-migrations/handler.ts',
 * };
 */
export interface Application {
  /** The registered migrations, in the order in which they run. */
  readonly migrations: readonly Migration[];
  /**
   * Path of the TypeScript file that exports `handler`, made with `migrate([…])` from the same migrations: a relative one from the folder
   * in which the CDK app runs, which is that of cdk.json.
   */
  readonly handler: string;
  /**
   * Adds the machines of the follow-up jobs to the stack, and returns them by the names that migrations give in `rebuilds`:
   * none for an application without. Default: none.
   */
  readonly followUps?: (
    stack: Construct,
    database: DataApiDatabase,
    names: MachineNames,
  ) => Readonly<Record<string, IStateMachine>>;
}

/** What the machines of an installation are called. They are fixed names, and the stage is in them. */
export interface MachineNames {
  /** The machine that runs the migrations. */
  readonly migrations: string;
  /** The machine of a follow-up job. */
  readonly job: (job: string) => string;
}
