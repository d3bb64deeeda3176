import type { Logger } from '@aws-lambda-powertools/logger';
import type { Clock } from '../engine/clock.ts';
import type { Database } from '../engine/database/data-api.ts';
import type { Registered } from '../engine/define/registered.ts';
import type { ExecutionStatus } from '../engine/ledger/execution-status.ts';
import type { Jobs } from '../engine/ledger/follow-ups.ts';
import type { SendMetrics } from '../send-metrics.ts';

/** What an operation works with. */
export interface Engine {
  readonly migrations: readonly Registered[];
  readonly jobs: Jobs;
  readonly database: Database;
  readonly statusOf: ExecutionStatus;
  readonly clock: Clock;
  readonly slicesPerExecution: number;
  /** How many migrations may be at work in the background at once. */
  readonly backgroundAtOnce: number;
  /** The version of the function that this code is. */
  readonly code: string;
  /** Whether keys and values of rows may be in results and errors. */
  readonly showsRowData: boolean;
  readonly logger: Logger;
  readonly metrics: SendMetrics;
  /** Milliseconds until Lambda ends this invocation. */
  readonly remaining: () => number;
}
