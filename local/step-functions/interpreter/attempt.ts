import type { Catcher, Exit, Fallible, Retrier } from '../definition/machine.ts';
import { Failure } from '../failure.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Left, Visit } from './visit.ts';

/** Tries a state until it succeeds, its retriers give up and its catchers have had their say. */
export async function attempt(
  visit: Visit,
  state: Exit & Fallible,
  once: () => Promise<Json>,
): Promise<Left> {
  const retried = new Map<Retrier, number>();
  for (;;) {
    try {
      const result = await once();
      return await visit.leave(state, { result }, result);
    } catch (failure) {
      if (!(failure instanceof Failure)) {
        throw failure;
      }
      const retrier = firstMatch(state.retry, failure);
      const times = (retrier && retried.get(retrier)) ?? 0;
      if (retrier !== undefined && times < retrier.maxAttempts) {
        retried.set(retrier, times + 1);
        await visit.sleep(delay(retrier, times));
        visit.retryCount += 1;
        visit.running.countTransition();
        visit.branch.children = undefined;
        continue;
      }
      const catcher = firstMatch(state.catch, failure);
      if (catcher === undefined) {
        throw failure;
      }
      return await caught(visit, catcher, failure);
    }
  }
}

async function caught(visit: Visit, catcher: Catcher, { error, reason }: Failure): Promise<Left> {
  const errorOutput: JsonObject = { Error: error, ...(reason !== undefined && { Cause: reason }) };
  return visit.leave(catcher, { errorOutput }, errorOutput);
}

function firstMatch<T extends { readonly errors: readonly string[] }>(
  list: readonly T[],
  { error }: Failure,
): T | undefined {
  return list.find(({ errors }) => errors.some((name) => matches(name, error)));
}

/**
 * `States.Runtime` is never retried and never caught. Whether `States.ALL` speaks for the data limit, AWS's documentation
 * and recordings disagree: here it does not, so that what works here works either way.
 */
function matches(name: string, error: string): boolean {
  if (error === 'States.Runtime') {
    return false;
  }
  if (name === error) {
    return true;
  }
  if (error === 'States.DataLimitExceeded') {
    return false;
  }
  return name === 'States.ALL' || (name === 'States.TaskFailed' && error !== 'States.Timeout');
}

function delay(retrier: Retrier, times: number): number {
  const { intervalSeconds, backoffRate, maxDelaySeconds = Number.POSITIVE_INFINITY, fullJitter } = retrier;
  const seconds = Math.min(intervalSeconds * backoffRate ** times, maxDelaySeconds);
  return fullJitter ? seconds * Math.random() : seconds;
}
