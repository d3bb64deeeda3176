import { setMaxListeners } from 'node:events';
import { Failure } from '../failure.ts';
import { Aborted } from './abortable.ts';
import type { Branch, RunBranch } from './branch.ts';
import type { Visit } from './visit.ts';

/**
 * Records events about a child besides those of its states. A Map's iterations have some, a Parallel's branches have
 * none.
 */
export interface ChildEvents {
  started?(child: Branch): void;
  succeeded?(child: Branch): void;
  ended?(child: Branch, how: 'Failed' | 'Aborted', previousEventId: number): void;
}

export interface RunChildrenOptions {
  readonly children: readonly Branch[];
  /** How many run at the same time. */
  readonly maxConcurrency: number;
  readonly events: ChildEvents;
  readonly runBranch: RunBranch;
}

interface FailedChild {
  readonly child: Branch;
  readonly failure: unknown;
}

/**
 * Runs the children of a Map or a Parallel that are not done. The first failure ends the others where they are.
 *
 * @throws the first failure.
 */
export async function runChildren(visit: Visit, options: RunChildrenOptions): Promise<void> {
  const failed = await runUntilFailure(visit, options);
  visit.signal.throwIfAborted();
  if (failed === undefined) {
    return;
  }
  if (failed.failure instanceof Failure) {
    recordFailure(visit, failed.child, options);
  }
  throw failed.failure;
}

/** Returns the first child that failed, once all children have ended. */
async function runUntilFailure(
  { branch, execution, signal: parentSignal }: Visit,
  { children, maxConcurrency, events, runBranch }: RunChildrenOptions,
): Promise<FailedChild | undefined> {
  const siblings = new AbortController();
  const signal = AbortSignal.any([parentSignal, siblings.signal]);
  setMaxListeners(0, signal); // every child listens to it
  const startEvent = branch.lastEvent;
  const remaining = children.filter(({ progress }) => progress !== 'done');
  for (const child of remaining) {
    child.progress = 'waiting'; // an execution that was stopped has left some running
  }
  const queue = remaining.values();
  let failed: FailedChild | undefined;

  async function work(): Promise<void> {
    for (const child of queue) {
      signal.throwIfAborted();
      child.lastEvent = startEvent;
      child.progress = 'running';
      try {
        events.started?.(child);
        await runBranch(child, execution, signal);
        events.succeeded?.(child);
        branch.lastEvent = child.lastEvent;
      } catch (failure) {
        if (failed === undefined && !(failure instanceof Aborted)) {
          failed = { child, failure };
          siblings.abort(new Aborted());
        }
        throw failure;
      }
    }
  }
  const workers = Array.from({ length: Math.min(maxConcurrency, remaining.length) }, work);
  await Promise.allSettled(workers);
  return failed;
}

/** Types of state that get an event when their branch ends in the middle of them. */
const abortableTypes = ['Task', 'Wait', 'Map', 'Parallel'];

/** Records the failed child, and then those that were running beside it. */
function recordFailure(visit: Visit, failed: Branch, { children, events }: RunChildrenOptions): void {
  const { branch, execution } = visit;
  const previousEventId = failed.lastEvent;
  const aborted = children.filter((child) => child !== failed && child.progress === 'running');
  for (const child of [failed, ...aborted]) {
    events.ended?.(child, child === failed ? 'Failed' : 'Aborted', previousEventId);
    const type = child.workflow.states.get(child.state)?.type ?? '';
    if (abortableTypes.includes(type)) {
      execution.record(`${type}StateAborted`, previousEventId);
    }
  }
  branch.lastEvent = previousEventId;
}
