import type { ParallelState } from '../definition/machine.ts';
import type { Json } from '../json.ts';
import { Branch, type RunBranch } from './branch.ts';
import { runChildren } from './run-children.ts';
import type { Visit } from './visit.ts';

/** Runs all branches at once, or after a redrive those that are not done. Returns their outputs. */
export async function runParallel(visit: Visit, state: ParallelState, runBranch: RunBranch): Promise<Json> {
  const { branch } = visit;
  const input = state.arguments ? await visit.evaluate(state.arguments) : visit.input;
  visit.record('ParallelStateStarted');
  const children = branch.children ?? branchesOf(visit, state, input);
  branch.children = children;
  try {
    await runChildren(visit, { children, maxConcurrency: children.length, events: {}, runBranch });
  } catch (failure) {
    visit.record('ParallelStateFailed');
    throw failure;
  }
  visit.record('ParallelStateSucceeded');
  return children.map(({ output }) => output);
}

function branchesOf(visit: Visit, state: ParallelState, input: Json): readonly Branch[] {
  const { visibleVariables: outerVariables } = visit;
  const { context } = visit.branch;
  return state.branches.map((workflow) => new Branch({ workflow, input, outerVariables, context }));
}
