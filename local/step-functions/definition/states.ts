import { isObject } from '../json.ts';
import { Fields } from './fields.ts';
import type { State } from './machine.ts';
import { checkLanguage, type Reading } from './reading.ts';
import { StateFields } from './state-fields.ts';
import { isExpression } from './template.ts';
import { parseTimestamp } from './timestamp.ts';

const everywhere = ['Type', 'Comment', 'QueryLanguage'];
const leaving = ['Next', 'End', 'Assign', 'Output'];
const failing = ['Retry', 'Catch'];

/** The fields that each type of state has in JSONata, as far as they are interpreted here. */
const fieldsOf: Readonly<Record<State['type'], readonly string[]>> = {
  Task: [...leaving, ...failing, 'Resource', 'Arguments', 'TimeoutSeconds'],
  Choice: ['Choices', 'Default', 'Assign', 'Output'],
  Wait: [...leaving, 'Seconds', 'Timestamp'],
  Pass: leaving,
  Map: [...leaving, ...failing, 'Items', 'ItemSelector', 'MaxConcurrency', 'ItemProcessor'],
  Parallel: [...leaving, ...failing, 'Arguments', 'Branches'],
  Succeed: ['Output'],
  Fail: ['Error', 'Cause'],
};

/** Reads one state. */
export function readState(definition: unknown, path: string, reading: Reading): State {
  const { problems } = reading;
  const type = isObject(definition) ? (definition.Type as State['type']) : undefined;
  if (type === undefined || !Object.hasOwn(fieldsOf, type)) {
    problems.schema(`Type must be one of [${Object.keys(fieldsOf).join(', ')}]; got '${String(type)}'`, path);
    return { type: 'Fail', error: undefined, cause: undefined };
  }
  const fields = new Fields(definition, path, [...everywhere, ...fieldsOf[type]], problems);
  fields.string('Comment');
  checkLanguage(fields, path, problems, reading.language ?? 'JSONPath');
  return readers[type](new StateFields(fields, reading));
}

const readers: Readonly<Record<State['type'], (state: StateFields) => State>> = {
  Task: (state) => {
    state.fields.require('Resource');
    const resource = state.resource();
    return {
      type: 'Task',
      resource,
      arguments: state.arguments(resource),
      timeoutSeconds: state.number('TimeoutSeconds', 1, 99_999_999),
      ...state.exit('after'),
      ...state.fallible(),
    };
  },

  Choice: (state) => {
    const { fields, problems } = state;
    fields.require('Choices');
    const rules = fields.list('Choices').map((each, i) => {
      const at = `Choices[${i}]`;
      const known = ['Condition', 'Next', 'Assign', 'Output', 'Comment'];
      const rule = new Fields(each, `${fields.path}/${at}`, known, problems);
      rule.require('Condition', 'Next');
      const condition = rule.value('Condition');
      if (typeof condition !== 'boolean' && !isExpression(condition)) {
        problems.schema('Condition must be a JSONata expression or a boolean', `${rule.path}/Condition`);
      }
      return {
        condition:
          typeof condition === 'boolean'
            ? condition
            : state.templateOf(condition ?? null, rule, 'Condition', 'before', at),
        ...state.leave(rule, 'before', at),
      };
    });
    const next = fields.string('Default');
    return {
      type: 'Choice',
      rules,
      default: next === undefined ? undefined : { ...state.leave(fields, 'before'), next },
    };
  },

  Wait: (state) => {
    const { fields, problems } = state;
    const kinds = (['Seconds', 'Timestamp'] as const).filter((name) => fields.has(name));
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      problems.schema('Exactly one of [Seconds, Timestamp] is required', fields.path);
    }
    const literal =
      kind === 'Timestamp' && !isExpression(fields.value(kind)) ? state.fields.string(kind) : undefined;
    if (literal !== undefined && parseTimestamp(literal) === undefined) {
      problems.schema('Timestamp must be RFC 3339, as in 2026-11-21T22:00:00Z', `${fields.path}/Timestamp`);
    }
    const value = kind === 'Timestamp' ? state.template('Timestamp') : state.number('Seconds', 0, 99_999_999);
    return {
      type: 'Wait',
      until: { kind: kind ?? 'Seconds', value: value ?? { evaluate: async () => 0 } },
      ...state.exit('before'),
    };
  },

  Pass: (state) => ({ type: 'Pass', ...state.exit('before') }),

  Map: (state) => {
    const { fields, problems, reading } = state;
    fields.require('ItemProcessor');
    const path = `${fields.path}/ItemProcessor`;
    const known = ['StartAt', 'States', 'ProcessorConfig', 'Comment'];
    const processor = new Fields(fields.value('ItemProcessor'), path, known, problems);
    if (processor.has('ProcessorConfig')) {
      const config = new Fields(
        processor.value('ProcessorConfig'),
        `${path}/ProcessorConfig`,
        ['Mode'],
        problems,
      );
      if (config.string('Mode') !== 'INLINE') {
        problems.schema('Only inline Maps are interpreted here: Mode must be INLINE', config.path);
      }
    }
    const items = fields.value('Items');
    if (items !== undefined && !Array.isArray(items) && !isExpression(items)) {
      problems.schema('Items must be a list or a JSONata expression', `${fields.path}/Items`);
    }
    return {
      type: 'Map',
      items: state.template('Items'),
      itemSelector: state.template('ItemSelector'),
      maxConcurrency: state.number('MaxConcurrency', 0, 99_999_999),
      processor: reading.readContainer(processor, path, reading),
      ...state.exit('after'),
      ...state.fallible(),
    };
  },

  Parallel: (state) => {
    const { fields, problems, reading } = state;
    fields.require('Branches');
    return {
      type: 'Parallel',
      arguments: state.template('Arguments'),
      branches: fields.list('Branches').map((each, i) => {
        const path = `${fields.path}/Branches[${i}]`;
        return reading.readContainer(
          new Fields(each, path, ['StartAt', 'States', 'Comment'], problems),
          path,
          reading,
        );
      }),
      ...state.exit('after'),
      ...state.fallible(),
    };
  },

  Succeed: (state) => ({
    type: 'Succeed',
    next: undefined,
    assign: undefined,
    output: state.template('Output'),
  }),

  Fail: (state) => ({ type: 'Fail', error: state.text('Error'), cause: state.text('Cause') }),
};
