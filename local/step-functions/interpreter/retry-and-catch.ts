import type { Catcher, ErrorHandling, Exit, Retrier } from '../definition/machine.ts';
import { Failure } from '../failure.ts';
import type { Json } from '../json.ts';
import type { Transition, Visit } from './visit.ts';

/**
 * Tries a state until it succeeds, or until no retrier tries again. Then a catcher leaves the state, if one matches.
 *
 * @param attempt Does the state's work once.
 * @throws the last failure, when no catcher matches it.
 */
export async function retryAndCatch(
  visit: Visit,
  state: Exit & ErrorHandling,
  attempt: () => Promise<Json>,
): Promise<Transition> {
  const retries = new Map<Retrier, number>();
  for (;;) {
    try {
      const result = await attempt();
      return await visit.leave(state, { result }, result);
    } catch (failure) {
      if (!(failure instanceof Failure)) {
        throw failure;
      }
      const retrier = firstMatch(state.retry, failure);
      const retried = (retrier && retries.get(retrier)) ?? 0;
      if (retrier !== undefined && retried < retrier.maxAttempts) {
        retries.set(retrier, retried + 1);
        await visit.sleep(delaySeconds(retrier, retried));
        visit.countRetry();
        continue;
      }
      const catcher = firstMatch(state.catch, failure);
      if (catcher === undefined) {
        throw failure;
      }
      return await leaveBy(catcher, visit, failure);
    }
  }
}

async function leaveBy(catcher: Catcher, visit: Visit, { error, cause }: Failure): Promise<Transition> {
  const errorOutput = { Error: error, ...(cause !== undefined && { Cause: cause }) };
  return visit.leave(catcher, { errorOutput }, errorOutput);
}

function firstMatch<T extends { readonly errors: readonly string[] }>(
  list: readonly T[],
  { error }: Failure,
): T | undefined {
  return list.find(({ errors }) => errors.some((name) => matches(name, error)));
}

/**
 * Whether a name in `ErrorEquals` matches an error. `States.Runtime` is never retried and never caught. Whether
 * `States.ALL` matches `States.DataLimitExceeded`, AWS's documentation and recordings of the service disagree; here
 * it does not, so that a machine that works here works either way.
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

/** How long to wait before the next attempt, when `retried` attempts were retries already. */
function delaySeconds(retrier: Retrier, retried: number): number {
  const { intervalSeconds, backoffRate, maxDelaySeconds = Number.POSITIVE_INFINITY, jitter } = retrier;
  const seconds = Math.min(intervalSeconds * backoffRate ** retried, maxDelaySeconds);
  return jitter === 'FULL' ? seconds * Math.random() : seconds;
}
