import { Duration } from 'aws-cdk-lib';
import type { DatabaseProps } from './database.ts';

/** What differs between the stages. Each lives in an account of its own. */
export const stages = {
  staging: {
    engineVersion: '17.7',
    minCapacity: 0, // sleeps when nobody works
    maxCapacity: 4,
    backupRetention: Duration.days(1),
  },
  production: {
    engineVersion: '17.7',
    minCapacity: 1, // awake: no request waits for it
    maxCapacity: 32,
    backupRetention: Duration.days(14),
  },
} as const satisfies Record<string, DatabaseProps>;

export type Stage = keyof typeof stages;

export function isStage(name: unknown): name is Stage {
  return typeof name === 'string' && Object.hasOwn(stages, name);
}
