import type { Rest } from '../engine/define/batch.ts';
import type { MetricOf } from '../metrics.ts';
import type { Values } from '../send-metrics.ts';
import type { Turn } from './turn.ts';

/** What there is to tell of a slice. */
export interface Told {
  readonly values: Values<MetricOf<'migration'>>;
  /** What it rests or is held for. */
  readonly pause?: Rest;
}

/**
 * Does the work of a slice, and then tells the log in one line, and CloudWatch in its metrics, what came of it. Names are the same in both;
 * of several values, the log has how many, the median, the 99th percentile and the longest. Of a slice that failed, it tells what was counted until then.
 *
 * @param what The message of the line.
 * @param of What there is to tell of a slice that took so many seconds; its end is undefined where it failed.
 */
export async function told<Ended extends { readonly state: string }>(
  { engine, migration }: Turn,
  what: string,
  work: () => Promise<Ended>,
  of: (ended: Ended | undefined, seconds: number) => Told,
): Promise<Ended> {
  const { clock, logger, metrics } = engine;
  const begun = clock.now();
  let ended: Ended | undefined;
  try {
    ended = await work();
    return ended;
  } finally {
    const { values: exact, pause } = of(ended, clock.now() - begun);
    const values = rounded(exact);
    logger.info(what, { state: ended?.state ?? 'failed', ...inShort(values), ...spoken(pause) });
    metrics.ofMigration(migration.name, values);
  }
}

/** A pause by the word for it, with its reason. */
function spoken(pause: Rest | undefined): Readonly<Record<string, unknown>> {
  if (pause === undefined || pause.seconds === 0) {
    return {};
  }
  const { seconds, reason, heldSeconds } = pause;
  return { [heldSeconds === undefined ? 'rest' : 'hold']: { seconds, reason } };
}

function rounded(values: Told['values']): Told['values'] {
  const each = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'number' ? round(value) : value?.map(round),
  ]);
  return Object.fromEntries(each);
}

// Nobody reads more than tenths of a millisecond, and each batch sends its digits.
const round = (value: number): number => Math.round(value * 10_000) / 10_000;

function inShort(values: Told['values']): Readonly<Record<string, unknown>> {
  const each = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'object' ? distribution(value) : value,
  ]);
  return Object.fromEntries(each);
}

/** How values lie; undefined where there are none. */
function distribution(values: readonly number[]): object | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  // The smallest one that as large a share of them does not exceed.
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return sorted.length === 0
    ? undefined
    : { count: sorted.length, p50: at(0.5), p99: at(0.99), longest: sorted.at(-1) };
}
