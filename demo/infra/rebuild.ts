import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from '../../infra/acknowledge.ts';
import type { DataApiDatabase } from '../../infra/database.ts';
import { DatabaseFunction } from '../../infra/database-function.ts';
import { defaultMachineName } from '../../infra/deployment.ts';
import { executionsOf, machine } from '../../infra/machine.ts';
import { employeeProjection } from '../projections/employee-projection.ts';
import { rebuildMachine } from './rebuild-machine.ts';

/**
 * @example
 * new Rebuild(stack, 'Rebuild', { database, entry: fileURLToPath(new URL('handler.ts', import.meta.url)) });
 */
export interface RebuildProps {
  /** The database that holds the events and their projections. */
  readonly database: DataApiDatabase;
  /** Path of the TypeScript file that exports the `handler` of the `rebuild` Lambda. */
  readonly entry: string;
  /** The name of the state machine. Default: that of the projection's job, `rebuild-employee-projections`. */
  readonly machineName?: string;
  /** The machine whose runs start this one, which waits until they have ended. Default: `defaultMachineName`. */
  readonly migrationsMachineName?: string;
}

/** Rebuilds the employee projections from the event log: as a follow-up job of a run, or started by hand. */
export class Rebuild extends Construct {
  /** Rebuilds the projections when it is started with the input `{}`. */
  readonly machine: StateMachine;
  /** The Lambda that prepares a fresh table, replays events into it slice by slice, and swaps it in. */
  readonly rebuild: DatabaseFunction;

  constructor(scope: Construct, id: string, props: RebuildProps) {
    super(scope, id);
    const { machineName = employeeProjection.job, migrationsMachineName = defaultMachineName } = props;

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
