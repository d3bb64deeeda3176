import type { ParallelState } from '../definition/machine.ts';
import type { Json } from '../json.ts';
import { Branch } from './branch.ts';
import { runChildren } from './children.ts';
import type { Visit } from './visit.ts';

/** Runs all branches at once, or after a redrive those that are not done. */
export async function runParallel(visit: Visit, state: ParallelState): Promise<Json> {
  const { branch } = visit;
  const input = state.arguments ? await visit.evaluate(state.arguments) : visit.input;
  const scope = { ...branch.outer, ...branch.variables };
  visit.record('ParallelStateStarted');
  branch.children ??= state.branches.map((each) => new Branch(each, input, scope, branch.context));
  try {
    await runChildren(visit, branch.children, branch.children.length, {});
  } catch (failure) {
    visit.record('ParallelStateFailed');
    throw failure;
  }
  visit.record('ParallelStateSucceeded');
  return branch.children.map(({ output }) => output);
}
