import { isJsonObject, type Json } from '../json.ts';
import type { CompileContext } from './compile-context.ts';
import { Fields } from './fields.ts';
import type { State } from './machine.ts';
import { checkQueryLanguage } from './query-language.ts';
import { StateFields } from './state-fields.ts';
import { choiceFields, readChoice } from './states/choice.ts';
import { mapFields, readMap } from './states/map.ts';
import { parallelFields, readParallel } from './states/parallel.ts';
import { readTask, taskFields } from './states/task.ts';
import { readWait, waitFields } from './states/wait.ts';

/** One type of state: the fields that are interpreted here, and what reads them. */
interface StateType {
  readonly fields: readonly string[];
  readonly read: (state: StateFields) => State;
}

const types: Readonly<Record<State['type'], StateType>> = {
  Task: { fields: taskFields, read: readTask },
  Choice: { fields: choiceFields, read: readChoice },
  Wait: { fields: waitFields, read: readWait },
  Pass: {
    fields: ['Next', 'End', 'Assign', 'Output'],
    read: (state) => ({ type: 'Pass', ...state.nextOrEnd('before') }),
  },
  Map: { fields: mapFields, read: readMap },
  Parallel: { fields: parallelFields, read: readParallel },
  Succeed: {
    fields: ['Output'],
    read: (state) => ({
      type: 'Succeed',
      next: undefined,
      assign: undefined,
      output: state.template('Output'),
    }),
  },
  Fail: {
    fields: ['Error', 'Cause'],
    read: (state) => ({ type: 'Fail', error: state.string('Error'), cause: state.string('Cause') }),
  },
};

const fieldsOfEveryType = ['Type', 'Comment', 'QueryLanguage'];

/**
 * Reads one state.
 *
 * @param path Where it stands: `/States/Rest`.
 */
export function readState(definition: Json, path: string, context: CompileContext): State {
  const { problems, queryLanguage } = context;
  const type = isJsonObject(definition) ? definition.Type : undefined;
  if (!isStateType(type)) {
    problems.schema(`Type must be one of [${Object.keys(types).join(', ')}]; got '${String(type)}'`, path);
    return { type: 'Fail', error: undefined, cause: undefined };
  }
  const known = [...fieldsOfEveryType, ...types[type].fields];
  const fields = new Fields(definition, path, known, problems);
  fields.string('Comment');
  checkQueryLanguage(fields, problems, queryLanguage ?? 'JSONPath');
  return types[type].read(new StateFields(fields, context));
}

function isStateType(type: Json | undefined): type is State['type'] {
  return typeof type === 'string' && Object.hasOwn(types, type);
}
