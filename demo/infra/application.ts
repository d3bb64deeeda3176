import { fileURLToPath } from 'node:url';
import { CfnOutput } from 'aws-cdk-lib';
import type { Application } from '../../infra/application.ts';
import { migrations } from '../migrations/index.ts';
import { employeeProjection } from '../projections/employee-projection.ts';
import { Rebuild } from './rebuild.ts';

/** Paths of the TypeScript files that export the demo's handlers. */
export interface Entries {
  readonly migrate: string;
  readonly rebuild: string;
}

const handlers: Entries = {
  migrate: fileURLToPath(new URL('../handler.ts', import.meta.url)),
  rebuild: fileURLToPath(new URL('../rebuild/handler.ts', import.meta.url)),
};

/** The demo as it is deployed; a test hands in other handlers. */
export function demoApplication(entries: Partial<Entries> = {}): Application {
  const { migrate, rebuild } = { ...handlers, ...entries };
  return {
    migrations,
    handler: migrate,
    followUps(stack, database, names) {
      const { machine } = new Rebuild(stack, 'Rebuild', {
        database,
        entry: rebuild,
        machineName: names.job(employeeProjection.job),
        migrationsMachineName: names.migrations,
      });
      new CfnOutput(stack, 'RebuildMachineArn', { value: machine.stateMachineArn });
      return { [employeeProjection.job]: machine };
    },
  };
}
