import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from '../../infra/acknowledge.ts';
import type { DataApiDatabase } from '../../infra/database.ts';
import { DatabaseFunction } from '../../infra/database-function.ts';
import { executionsOf, machine } from '../../infra/machine.ts';
import { rebuildMachine } from './rebuild-machine.ts';

export interface RebuildProps {
  /** The database that holds the events and their projections. */
  readonly database: DataApiDatabase;
  /** Path of the TypeScript file that exports the `handler` of the `rebuild` Lambda. */
  readonly entry: string;
  /** @default rebuild-employee-projections */
  readonly machineName?: string;
  /**
   * The machine whose runs start this one: it is waited for.
   *
   * @default run-migrations
   */
  readonly migrationsMachineName?: string;
}

/** The rebuild of the employee projections from the event log: a follow-up job, or started by hand. */
export class Rebuild extends Construct {
  /** Start an execution with `{}` to rebuild now. */
  readonly machine: StateMachine;
  /** Prepares a fresh table, replays into it slice by slice, and swaps it in. */
  readonly rebuild: DatabaseFunction;

  constructor(scope: Construct, id: string, props: RebuildProps) {
    super(scope, id);
    const { machineName = 'rebuild-employee-projections', migrationsMachineName = 'run-migrations' } = props;

    this.rebuild = new DatabaseFunction(this, 'Rebuild', {
      database: props.database,
      entry: props.entry,
      serviceName: 'rebuild',
    });

    const runs = executionsOf(this, migrationsMachineName);
    this.machine = machine(this, {
      name: machineName,
      comment: 'Replays the employee events into a fresh projection and swaps it in.',
      startsAt: rebuildMachine(this, { rebuild: this.rebuild.pinned, migrationsMachineName, runs }),
    });
    this.rebuild.mayBeInvokedBy(this.machine);
    acknowledgeWildcard(this.machine.role, runs, 'Executions of one machine: each has a name of its own.');
  }
}
