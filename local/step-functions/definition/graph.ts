import type { Container, State } from './machine.ts';
import type { Problems } from './problems.ts';

/** Every way must lead to a state that exists, every state must be on a way, and some way must end. */
export function checkGraph({ startAt, states }: Container, path: string, problems: Problems): void {
  if (!states.has(startAt)) {
    problems.add('MISSING_TRANSITION_TARGET', `Missing 'StartAt' target: ${startAt}`, `${path}/StartAt`);
    return;
  }
  const reached = new Set([startAt]);
  for (const name of reached) {
    for (const next of targets(states.get(name))) {
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
  if (![...reached].some((name) => ends(states.get(name)))) {
    problems.add('MISSING_END_STATE', 'No state ends this', `${path}/States`);
  }
}

function targets(state: State | undefined): readonly string[] {
  const exits = state === undefined ? [] : exitsOf(state);
  return exits.flatMap(({ next }) => (next === undefined ? [] : [next]));
}

function ends(state: State | undefined): boolean {
  return state !== undefined && (state.type === 'Fail' || ('next' in state && state.next === undefined));
}

function exitsOf(state: State): readonly { readonly next: string | undefined }[] {
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
