import type { Integration } from '../../integrations/integration.ts';
import { maxInteger } from '../../quotas.ts';
import { Fields } from '../fields.ts';
import { isExpression, type Template } from '../jsonata/template.ts';
import type { TaskState } from '../machine.ts';
import { readErrorHandling } from '../retry-and-catch.ts';
import type { StateFields } from '../state-fields.ts';

export const taskFields = [
  'Resource',
  'Arguments',
  'TimeoutSeconds',
  ...['Next', 'End', 'Assign', 'Output', 'Retry', 'Catch'],
];

export function readTask(state: StateFields): TaskState {
  state.fields.require('Resource');
  const integration = integrationOf(state);
  return {
    type: 'Task',
    integration,
    arguments: readArguments(state, integration),
    timeoutSeconds: state.integer('TimeoutSeconds', { min: 1, max: maxInteger }),
    ...state.nextOrEnd('after'),
    ...readErrorHandling(state),
  };
}

/** What `Resource` names. An unknown one is reported, and stands for an integration without arguments. */
function integrationOf(state: StateFields): Integration {
  const { integrations } = state.context;
  const arn = state.fields.string('Resource') ?? '';
  const [, called] = /^arn:aws[a-z-]*:states:::(.+)$/.exec(arn) ?? [];
  const found = integrations.find(({ name }) => name === called);
  if (found !== undefined) {
    return found;
  }
  const known = integrations.map(({ name }) => `arn:aws:states:::${name}`).join(', ');
  state.problem(`The resource '${arn}' is not one of [${known}]`, 'Resource');
  return { name: arn, resourceType: '', resource: '', arguments: {}, call: async () => null };
}

/**
 * Arguments that are written out must be those of the integration. Those that an expression gives are checked when it
 * has run.
 */
function readArguments(state: StateFields, integration: Integration): Template | undefined {
  const value = state.fields.value('Arguments');
  if (!isExpression(value)) {
    const path = `${state.fields.path}/Arguments`;
    const known = Object.keys(integration.arguments);
    const given = new Fields(value ?? {}, path, known, state.context.problems);
    given.require(...known.filter((name) => integration.arguments[name] === 'required'));
  }
  return state.template('Arguments');
}
