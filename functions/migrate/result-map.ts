import type { Answer, Counters, FollowUp, ResultMap } from '../contract.ts';

// Step Functions takes 256 KiB of state; the rest is for what stands around the map.
const mostBytes = 200_000;

/**
 * The output of a run: what each registered migration says of itself, in order, or that it had no work; and the follow-up
 * jobs to start. Where the samples of row errors, and the keys that validations found, would make it too large for a state,
 * it goes without them: they are in the ledger. It does so, too, unless keys and values of rows are asked for.
 */
export function resultMap(
  names: readonly string[],
  results: ReadonlyMap<string, Counters | Answer>,
  followUps: readonly FollowUp[],
  showsRowData: boolean,
): ResultMap {
  const whole = mapped(names, (name) => results.get(name), followUps);
  if (showsRowData && Buffer.byteLength(JSON.stringify(whole)) <= mostBytes) {
    return whole;
  }
  return mapped(names, (name) => withoutSamples(results.get(name)), followUps);
}

function mapped(
  names: readonly string[],
  resultOf: (name: string) => Counters | Answer | undefined,
  followUps: readonly FollowUp[],
): ResultMap {
  return {
    ...Object.fromEntries(names.map((name) => [name, resultOf(name) ?? 'skipped'])),
    ...(followUps.length > 0 && { next_jobs: followUps.map(({ job }) => job) }),
  };
}

function withoutSamples(result: Counters | Answer | undefined): Counters | Answer | undefined {
  if (result === undefined) {
    return result;
  }
  const { error_samples: _, validations, ...others } = result as Partial<Counters>;
  return {
    ...others,
    ...(validations && { validations: validations.map(({ keys: __, ...found }) => found) }),
  } as Counters | Answer;
}
