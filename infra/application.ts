import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Migration } from '../functions/engine/define/migration.ts';
import type { DataApiDatabase } from './database.ts';

/** What is deployed for one application: its migrations, and the jobs that follow them. The one thing that a fork writes anew. */
export interface Application {
  /** The registered migrations, in the order in which they run. */
  readonly migrations: readonly Migration[];
  /** Path of the TypeScript file that exports `handler`, made with `migrate([…])` from the same migrations. */
  readonly handler: string;
  /** Adds the follow-up jobs to the stack, and answers with the machine of each job that a migration may declare. */
  readonly followUps: (
    stack: Construct,
    database: DataApiDatabase,
  ) => Readonly<Record<string, IStateMachine>>;
}
