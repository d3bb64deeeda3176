import type { Estimate } from '../../functions/engine/plan/estimate.ts';
import type { Preview } from '../../functions/engine/plan/preview.ts';
import { defaultSlicesPerExecution, functionMemoryMegabytes } from '../../infra/deployment.ts';
import { listPrices } from '../../infra/prices.ts';

/** What AWS asks for what a run uses, in dollars. */
export const prices = {
  region: listPrices.region,
  step_functions_per_1000_transitions: listPrices.step_functions_per_1000_transitions,
  lambda_arm64_per_gb_second: listPrices.lambda_arm64_per_gb_second,
  lambda_per_million_requests: listPrices.lambda_per_million_requests,
  data_api_per_million_requests: listPrices.data_api_per_million_requests,
  not_included: 'Aurora capacity, logs, follow-up jobs',
} as const;

/** What a run uses. */
export interface Usage {
  readonly state_transitions: number;
  readonly lambda_requests: number;
  readonly lambda_seconds: number;
  readonly data_api_requests: number;
}

const lambdaGigabytes = functionMemoryMegabytes / 1_024;

/** Some transitions, and invocations with what they take apart from batches: to start, and to ask the ledger some four times. */
const used = (state_transitions: number, lambda_requests: number): Usage => ({
  state_transitions,
  lambda_requests,
  lambda_seconds: lambda_requests * 0.2,
  data_api_requests: lambda_requests * 4,
});

/** What a run uses whatever its migrations do: Open run, Each migration, Close run, How did it close?, Completed. */
export const usageOfRun: Usage = used(5, 2);

/** What a migration uses in a run that has nothing to do for it: Pending?, Is it pending?, and Skipped or Paused. */
export const usageOfAsking: Usage = used(3, 1);

/** What one migration uses in a run. */
export function usageOf(
  { migration, pending, tables, rows }: Preview,
  expected: Estimate | undefined,
): Usage {
  if (!pending) {
    return usageOfAsking;
  }
  // Run batches and How far?, and where it has any, Validate and Is it valid?
  const slice = used(2, 1);
  const validated = migration.kind !== 'alterTables' && migration.validate.length > 0 ? [used(2, 1)] : [];
  if (tables !== undefined) {
    return sum([usageOfAsking, slice, calls(tables.length)]);
  }
  if (expected === undefined || rows?.trial === undefined) {
    return sum([usageOfAsking, slice, ...validated]);
  }
  return sum([
    usageOfAsking,
    ...validated,
    times(slice, expected.slices),
    used(expected.longRests, 0), // Rest
    // Continues later, Next part, How did it close?; and in the part Open run, Each migration, Pending?, Is it pending?, Close run,
    // How did it close?, Part done
    times(used(10, 3), Math.floor(expected.slices / defaultSlicesPerExecution)),
    {
      ...calls(Math.ceil(expected.batches * metered(rows.trial, expected))),
      lambda_seconds: expected.lambdaSeconds,
    },
  ]);
}

const meteredBytes = 32 * 1024;

function metered(
  {
    callsPerBatch,
    sentPerRow,
    receivedPerRow,
  }: { callsPerBatch: number; sentPerRow: number; receivedPerRow: number },
  { batchRows }: Estimate,
): number {
  return Math.max(callsPerBatch, Math.ceil(((sentPerRow + receivedPerRow) * batchRows) / meteredBytes));
}

const calls = (data_api_requests: number): Usage => ({ ...used(0, 0), data_api_requests });

const times = (usage: Usage, count: number): Usage => ({
  state_transitions: usage.state_transitions * count,
  lambda_requests: usage.lambda_requests * count,
  lambda_seconds: usage.lambda_seconds * count,
  data_api_requests: usage.data_api_requests * count,
});

/** All of it together. */
export function sum(all: readonly Usage[]): Usage {
  return all.reduce((so_far, usage) => ({
    state_transitions: so_far.state_transitions + usage.state_transitions,
    lambda_requests: so_far.lambda_requests + usage.lambda_requests,
    lambda_seconds: so_far.lambda_seconds + usage.lambda_seconds,
    data_api_requests: so_far.data_api_requests + usage.data_api_requests,
  }));
}

/** What it costs, in dollars. */
export interface Cost {
  readonly step_functions: number;
  readonly lambda: number;
  readonly data_api: number;
  readonly total: number;
}

export function costOf(usage: Usage): Cost {
  const step_functions = (usage.state_transitions / 1_000) * prices.step_functions_per_1000_transitions;
  const lambda =
    usage.lambda_seconds * lambdaGigabytes * prices.lambda_arm64_per_gb_second +
    (usage.lambda_requests / 1e6) * prices.lambda_per_million_requests;
  const data_api = (usage.data_api_requests / 1e6) * prices.data_api_per_million_requests;
  return {
    step_functions: precise(step_functions),
    lambda: precise(lambda),
    data_api: precise(data_api),
    total: precise(step_functions + lambda + data_api),
  };
}

/** To a millionth of a dollar: what is less is noise. */
const precise = (dollars: number): number => Number(dollars.toFixed(6));
