import { setMaxListeners } from 'node:events';
import { Failure } from '../failure.ts';
import type { Branch } from './branch.ts';
import { runBranch } from './run-branch.ts';
import { Aborted } from './running.ts';
import type { Visit } from './visit.ts';

/** What is told of each child besides its own states: a Map's iterations have events, a Parallel's branches have none. */
export interface Telling {
  started?(child: Branch): void;
  succeeded?(child: Branch): void;
  ended?(child: Branch, how: 'Failed' | 'Aborted', previousEventId: number): void;
}

/** States that get an event when they are cut off. */
const abortable = ['Task', 'Wait', 'Map', 'Parallel'];

/**
 * Runs the children that are not done, `width` at a time. The first failure ends the others where they are, and is the
 * failure of the whole.
 */
export async function runChildren(
  visit: Visit,
  children: readonly Branch[],
  width: number,
  telling: Telling,
): Promise<void> {
  const { branch, running } = visit;
  const siblings = new AbortController();
  const signal = AbortSignal.any([visit.signal, siblings.signal]);
  setMaxListeners(0, signal); // one per child
  const startedFrom = branch.lastEvent;
  const todo = children.filter(({ progress }) => progress !== 'done');
  for (const child of todo) {
    child.progress = 'waiting'; // an execution that was stopped left some running
  }
  const queue = todo.values();
  let failed: { readonly child: Branch; readonly failure: unknown } | undefined;

  async function lane(): Promise<void> {
    for (const child of queue) {
      signal.throwIfAborted();
      child.lastEvent = startedFrom;
      child.progress = 'running';
      try {
        telling.started?.(child);
        await runBranch(child, running, signal);
        telling.succeeded?.(child);
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
  await Promise.allSettled(Array.from({ length: Math.min(width, todo.length) }, lane));
  visit.signal.throwIfAborted();

  if (failed !== undefined) {
    const { child, failure } = failed;
    if (failure instanceof Failure) {
      const from = child.lastEvent;
      const cutOff = children.filter((each) => each !== child && each.progress === 'running');
      for (const each of [child, ...cutOff]) {
        telling.ended?.(each, each === child ? 'Failed' : 'Aborted', from);
        const type = each.container.states.get(each.state)?.type ?? '';
        if (abortable.includes(type)) {
          running.record(`${type}StateAborted`, from);
        }
      }
      branch.lastEvent = from;
    }
    throw failure;
  }
}
