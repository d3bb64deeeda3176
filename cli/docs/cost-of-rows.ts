import { backfill } from '../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../functions/engine/batch/rewrite.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { registered } from '../../functions/engine/define/registered.ts';
import { type Estimate, estimate } from '../../functions/engine/plan/estimate.ts';
import type { Preview } from '../../functions/engine/plan/preview.ts';
import type { TrialRates } from '../../functions/engine/trial/trial-batches.ts';
import { metrics } from '../../functions/metrics.ts';
import { listPrices } from '../../infra/prices.ts';
import { costOf, sum, type Usage, usageOf, usageOfRun } from '../plan/cost.ts';
import { hoursInMonth } from './cost-at-rest.ts';

const rows = 1_000_000;

/** What is assumed of the rows and their database. */
export const assumed = {
  /** Rows that one statement at a time changes in a second. */
  rowsPerSecond: { backfill: 20_000, rewrite: 5_000 },
  /** The way to the Data API and back, in seconds. */
  roundTrip: 0.03,
  /** Bytes of a row that a rewrite reads and writes. */
  rowBytes: 500,
  /** Aurora capacity units at work meanwhile. */
  capacity: 4,
  /** Reads and writes of the storage for each row. */
  iosPerRow: 0.1,
  /** Bytes of log for each state transition: some three events with the state's data. */
  logBytesPerTransition: 6_000,
  /** Bytes of log for each invocation. */
  logBytesPerInvocation: 2_000,
} as const;

/** What changing a million rows takes and costs, in dollars. */
export interface CostOfRows {
  readonly usage: Usage;
  readonly seconds: number;
  readonly dollars: Readonly<Record<string, number>>;
}

/** Works it out as `plan` does, for rows that cost what is assumed. */
export function costOfRows(kind: 'backfill' | 'rewrite'): CostOfRows {
  const found = previewOf(kind);
  const expected = estimate(found, 0) as Estimate;
  const usage = sum([usageOfRun, usageOf(found, expected)]);
  const { step_functions, lambda, data_api } = costOf(usage);
  const hours = expected.workingSeconds / 3_600;
  const logBytes =
    usage.state_transitions * assumed.logBytesPerTransition +
    usage.lambda_requests * assumed.logBytesPerInvocation;
  return {
    usage,
    seconds: expected.workingSeconds,
    dollars: {
      'Step Functions': step_functions,
      Lambda: lambda,
      'Data API': data_api,
      'Aurora capacity': hours * assumed.capacity * listPrices.aurora_per_acu_hour,
      'Aurora I/O': ((rows * assumed.iosPerRow) / 1e6) * listPrices.aurora_per_million_ios,
      'CloudWatch logs': (logBytes / 1e9) * (listPrices.logs_per_gb + 3 * listPrices.logs_kept_per_gb_month),
      'CloudWatch metrics': (sentMetrics() * Math.ceil(hours) * listPrices.metric_per_month) / hoursInMonth,
    },
  };
}

/** Those of one migration are sent for it, and for the stack. */
function sentMetrics(): number {
  return Object.values(metrics).reduce((count, { of }) => count + (of === 'migration' ? 2 : 1), 0);
}

function previewOf(kind: 'backfill' | 'rewrite'): Preview {
  const seconds = rows / assumed.rowsPerSecond[kind];
  const rates: TrialRates = {
    rows,
    seconds,
    // A backfill's statement locks a row from its change to the commit; of a rewrite's, half is reading and computing.
    lockedPerRow: (seconds / rows) * (kind === 'backfill' ? 1 : 0.5),
    roundTrip: assumed.roundTrip,
    callsPerBatch: kind === 'backfill' ? 1 : 2,
    sentPerRow: kind === 'backfill' ? 0 : assumed.rowBytes,
    receivedPerRow: kind === 'backfill' ? 0 : assumed.rowBytes,
  };
  const all = { rows, how: 'counted' } as const;
  return {
    migration: registered(examples[kind]),
    pending: true,
    line: undefined,
    rows: {
      toLookAt: all,
      toChange: all,
      addsMarker: false,
      trial: { ...rates, updated: rows, looked: undefined, errors: 0, errorSamples: [], differences: [] },
    },
  };
}

const table = { table: 'a_table', key: 'id', where: sql`new IS NULL` } as const;

const examples: Readonly<Record<'backfill' | 'rewrite', Migration>> = {
  backfill: backfill({ ...table, name: 'a-backfill', set: { new: sql`old` } }),
  rewrite: rewrite<{ old: string; new: string }>({
    ...table,
    name: 'a-rewrite',
    columns: ['old', 'new'],
    transform: ({ old }) => ({ new: old }),
  }),
};
