import { setImmediate } from 'node:timers/promises';
import type { State } from '../definition/machine.ts';
import { Failure } from '../failure.ts';
import { attempt } from './attempt.ts';
import type { Branch } from './branch.ts';
import { runChoice } from './choice.ts';
import { runMap } from './map.ts';
import { runParallel } from './parallel.ts';
import type { Running } from './running.ts';
import { runTask } from './task.ts';
import { type Left, Visit } from './visit.ts';
import { runWait } from './wait.ts';

/** Runs a branch from the state it is in to its end. Between states others have their turn: a loop blocks nobody. */
export async function runBranch(branch: Branch, running: Running, signal: AbortSignal): Promise<void> {
  branch.progress = 'running';
  for (;;) {
    await setImmediate();
    const state = branch.container.states.get(branch.state) as State; // the definition was checked
    const left = await pass(branch, state, running, signal);
    branch.variables = { ...branch.variables, ...left.assigned };
    branch.children = undefined;
    if (left.next === undefined) {
      branch.output = left.output;
      branch.progress = 'done';
      return;
    }
    branch.state = left.next;
    branch.input = left.output;
  }
}

async function pass(branch: Branch, state: State, running: Running, signal: AbortSignal): Promise<Left> {
  const visit = new Visit(branch, state.type, running, signal);
  const left = await stay(visit, state);
  visit.exited(left);
  return left;
}

async function stay(visit: Visit, state: State): Promise<Left> {
  switch (state.type) {
    case 'Task':
      return attempt(visit, state, () => runTask(visit, state));
    case 'Map':
      return attempt(visit, state, () => runMap(visit, state));
    case 'Parallel':
      return attempt(visit, state, () => runParallel(visit, state));
    case 'Choice':
      return runChoice(visit, state);
    case 'Wait':
      await runWait(visit, state);
      return visit.leave(state, {}, visit.input);
    case 'Pass':
    case 'Succeed':
      return visit.leave(state, {}, visit.input);
    case 'Fail':
      throw new Failure(
        state.error ? await visit.text(state.error, 'Error') : '',
        state.cause && (await visit.text(state.cause, 'Cause')),
      );
  }
}
