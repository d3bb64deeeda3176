import { Duration } from 'aws-cdk-lib';
import type { DatabaseProps } from './database.ts';

/** What differs between the stages. */
export const stages = {
  staging: {
    engineVersion: '17.7',
    minCapacity: 0, // pauses when nobody works
    maxCapacity: 4,
    backupRetention: Duration.days(1),
    isProtected: false, // it goes with the stack
  },
  production: {
    engineVersion: '17.7',
    minCapacity: 1, // never pauses: no request waits for it to wake up
    maxCapacity: 32,
    backupRetention: Duration.days(14),
    isProtected: true,
  },
} as const satisfies Record<string, DatabaseProps>;

export type Stage = keyof typeof stages;

/** Whether there is a stage of this name. */
export function isStage(name: unknown): name is Stage {
  return typeof name === 'string' && Object.hasOwn(stages, name);
}
