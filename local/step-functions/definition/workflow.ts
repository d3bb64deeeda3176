import { isJsonList, isJsonObject, type Json } from '../json.ts';
import { maxNameLength } from '../quotas.ts';
import { checkTransitions } from './check-transitions.ts';
import type { CompileContext } from './compile-context.ts';
import type { Fields } from './fields.ts';
import type { State, Workflow } from './machine.ts';
import { readState } from './states.ts';

/** Reads `StartAt` and `States` of a machine, an item processor or a branch. */
export function readWorkflow(fields: Fields, context: CompileContext): Workflow {
  const { problems, outerVariables } = context;
  const path = `${fields.path}/States`;
  fields.require('StartAt', 'States');
  const startAt = fields.string('StartAt') ?? '';
  const definitions = statesOf(fields);
  if (definitions.length === 0) {
    problems.schema('States must be an object with at least one state', path);
  }

  const ownVariables = new Set(definitions.flatMap(([, state]) => assignedVariables(state)));
  for (const name of ownVariables) {
    if (outerVariables.has(name)) {
      problems.schema(`The variable '${name}' belongs to an outer scope and cannot be assigned here`, path);
    }
  }
  const inner = { ...context, outerVariables: new Set([...outerVariables, ...ownVariables]) };
  const states = new Map<string, State>();
  for (const [name, definition] of definitions) {
    const statePath = `${path}/${name}`;
    checkName(name, statePath, context);
    states.set(name, readState(definition, statePath, inner));
  }
  const workflow = { startAt, states };
  if (states.size > 0) {
    checkTransitions(workflow, fields.path, problems);
  }
  return workflow;
}

function statesOf(fields: Fields): readonly (readonly [string, Json])[] {
  const states = fields.value('States');
  return isJsonObject(states) ? Object.entries(states) : [];
}

function checkName(name: string, path: string, { problems, stateNames }: CompileContext): void {
  if (name.length > maxNameLength) {
    problems.schema(`State names have at most ${maxNameLength} characters`, path);
  }
  if (stateNames.has(name)) {
    problems.add('DUPLICATE_STATE_NAME', `State name '${name}' is used more than once`, path);
  }
  stateNames.add(name);
}

/** The variables that a state assigns: by itself, by its rules and by its catchers. */
function assignedVariables(state: Json): readonly string[] {
  if (!isJsonObject(state)) {
    return [];
  }
  const exits = [state, ...listOf(state.Choices), ...listOf(state.Catch)];
  return exits.flatMap((exit) =>
    isJsonObject(exit) && isJsonObject(exit.Assign) ? Object.keys(exit.Assign) : [],
  );
}

function listOf(value: Json | undefined): readonly Json[] {
  return isJsonList(value) ? value : [];
}
