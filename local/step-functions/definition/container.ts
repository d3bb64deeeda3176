import { isObject } from '../json.ts';
import type { Fields } from './fields.ts';
import { checkGraph } from './graph.ts';
import type { Container } from './machine.ts';
import type { Reading } from './reading.ts';
import { readState } from './states.ts';

/** Reads `StartAt` and `States` of a machine, an item processor or a branch. */
export function readContainer(fields: Fields, path: string, reading: Reading): Container {
  const { problems, names, outer } = reading;
  fields.require('StartAt', 'States');
  const startAt = fields.string('StartAt') ?? '';
  const given = fields.value('States');
  const definitions = isObject(given) ? Object.entries(given) : [];
  if (definitions.length === 0) {
    problems.schema('States must be an object with at least one state', `${path}/States`);
  }

  const own = new Set(definitions.flatMap(([, state]) => assigned(state)));
  for (const name of own) {
    if (outer.has(name)) {
      problems.schema(
        `The variable '${name}' belongs to an outer scope and cannot be assigned here`,
        `${path}/States`,
      );
    }
  }
  const inner = { ...reading, outer: new Set([...outer, ...own]) };
  const states = new Map(
    definitions.map(([name, definition]) => {
      const at = `${path}/States/${name}`;
      if (name.length > 80) {
        problems.schema('State names have at most 80 characters', at);
      }
      if (names.has(name)) {
        problems.add('DUPLICATE_STATE_NAME', `State name '${name}' is used more than once`, at);
      }
      names.add(name);
      return [name, readState(definition, at, inner)] as const;
    }),
  );
  const container = { startAt, states };
  if (states.size > 0) {
    checkGraph(container, path, problems);
  }
  return container;
}

/** Names that a state assigns: by itself, by its rules and by its catchers. */
function assigned(state: unknown): string[] {
  if (!isObject(state)) {
    return [];
  }
  const within = [state, ...listOf(state.Choices), ...listOf(state.Catch)];
  return within.flatMap((each) => (isObject(each) && isObject(each.Assign) ? Object.keys(each.Assign) : []));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
