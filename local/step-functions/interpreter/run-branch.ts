import { setImmediate } from 'node:timers/promises';
import type { State } from '../definition/machine.ts';
import { Failure } from '../failure.ts';
import type { Branch, RunBranch } from './branch.ts';
import { runChoice } from './choice.ts';
import { runMap } from './map.ts';
import { runParallel } from './parallel.ts';
import { retryAndCatch } from './retry-and-catch.ts';
import { runTask } from './task.ts';
import { type Transition, Visit } from './visit.ts';
import { runWait } from './wait.ts';

/**
 * Runs a branch state by state, from the one it is in to its end.
 *
 * @throws Failure that nothing caught, or Aborted.
 */
export const runBranch: RunBranch = async (branch, execution, signal) => {
  branch.progress = 'running';
  for (;;) {
    await setImmediate(); // lets other branches and executions run: a loop without a Wait must not keep them out
    const state = stateOf(branch);
    const visit = new Visit(branch, state.type, execution, signal);
    const { next, output, assigned } = await visitState(visit, state);
    visit.exited({ next, output, assigned });

    branch.variables = { ...branch.variables, ...assigned };
    branch.children = undefined;
    if (next === undefined) {
      branch.output = output;
      branch.progress = 'done';
      return;
    }
    branch.state = next;
    branch.input = output;
  }
};

function stateOf({ workflow, state: name }: Branch): State {
  const state = workflow.states.get(name);
  if (state === undefined) {
    throw new Error(`there is no state ${name}`); // the definition's check has made sure that there is
  }
  return state;
}

/** Does what the state is for, and returns how it is left. */
async function visitState(visit: Visit, state: State): Promise<Transition> {
  switch (state.type) {
    case 'Task':
      return retryAndCatch(visit, state, () => runTask(visit, state));
    // A Map and a Parallel run branches again, so they are given what runs one.
    case 'Map':
      return retryAndCatch(visit, state, () => runMap(visit, state, runBranch));
    case 'Parallel':
      return retryAndCatch(visit, state, () => runParallel(visit, state, runBranch));
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
