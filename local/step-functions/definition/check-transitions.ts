import type { Exit, State, Workflow } from './machine.ts';
import type { Problems } from './problems.ts';

/**
 * Reports a next state that does not exist, a state that cannot be reached, and a workflow that cannot end.
 *
 * @param path Where the workflow stands in the definition.
 */
export function checkTransitions({ startAt, states }: Workflow, path: string, problems: Problems): void {
  if (!states.has(startAt)) {
    problems.add('MISSING_TRANSITION_TARGET', `Missing 'StartAt' target: ${startAt}`, `${path}/StartAt`);
    return;
  }
  const reached = new Set([startAt]);
  for (const name of reached) {
    // goes on with the names that are added below
    for (const next of nextStates(states.get(name))) {
      if (states.has(next)) {
        reached.add(next);
      } else {
        problems.add('MISSING_TRANSITION_TARGET', `Missing 'Next' target: ${next}`, `${path}/States/${name}`);
      }
    }
  }
  for (const name of states.keys()) {
    if (!reached.has(name)) {
      problems.add('MISSING_TRANSITION_TARGET', `State '${name}' is not reachable`, `${path}/States/${name}`);
    }
  }
  if (![...reached].some((name) => canEnd(states.get(name)))) {
    problems.add('MISSING_END_STATE', 'No state ends this', `${path}/States`);
  }
}

function nextStates(state: State | undefined): readonly string[] {
  const exits = state === undefined ? [] : exitsOf(state);
  return exits.map(({ next }) => next).filter((next) => next !== undefined);
}

function canEnd(state: State | undefined): boolean {
  return state !== undefined && (state.type === 'Fail' || ('next' in state && state.next === undefined));
}

function exitsOf(state: State): readonly Exit[] {
  switch (state.type) {
    case 'Choice':
      return [...state.rules, ...(state.default ? [state.default] : [])];
    case 'Fail':
      return [];
    case 'Task':
    case 'Map':
    case 'Parallel':
      return [state, ...state.catch];
    default:
      return [state];
  }
}
