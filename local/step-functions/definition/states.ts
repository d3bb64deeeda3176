import { isObject } from '../json.ts';
import type { Resource } from '../resources/resource.ts';
import { checkLanguage, type Reading, readContainer } from './container.ts';
import { catchers, retriers } from './errors.ts';
import type { Place } from './expression.ts';
import { Fields } from './fields.ts';
import type { Exit, Fallible, State } from './machine.ts';
import { isExpression, type Template, template } from './template.ts';
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
      processor: readContainer(processor, path, reading),
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
        return readContainer(
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

/** The fields of one state, with what most types read alike. */
class StateFields {
  readonly fields: Fields;
  readonly reading: Reading;

  constructor(fields: Fields, reading: Reading) {
    this.fields = fields;
    this.reading = reading;
  }

  get problems(): Reading['problems'] {
    return this.reading.problems;
  }

  template(name: string, place: Place = 'before'): Template | undefined {
    const value = this.fields.value(name);
    return value === undefined ? undefined : this.templateOf(value, this.fields, name, place);
  }

  /** A template in a part of the state, such as a rule or a catcher. */
  templateOf(value: unknown, part: Fields, name: string, place: Place, at?: string): Template {
    const field = at === undefined ? name : `${at}/${name}`;
    return template(value, { path: `${part.path}/${name}`, field, place }, this.problems);
  }

  /** A number, or an expression that gives one. */
  number(name: string, min: number, max: number): Template | undefined {
    if (!isExpression(this.fields.value(name))) {
      this.fields.number(name, min, max);
    }
    return this.template(name);
  }

  /** A string, or an expression that gives one. */
  text(name: string): Template | undefined {
    this.fields.string(name);
    return this.template(name);
  }

  resource(): Resource {
    const arn = this.fields.string('Resource') ?? '';
    const found = this.reading.resources.find(({ name }) =>
      new RegExp(`^arn:aws[a-z-]*:states:::${name}$`).test(arn),
    );
    if (found !== undefined) {
      return found;
    }
    const known = this.reading.resources.map(({ name }) => `arn:aws:states:::${name}`).join(', ');
    this.problems.schema(`The resource '${arn}' is not one of [${known}]`, `${this.fields.path}/Resource`);
    return { name: arn, resourceType: '', resource: '', arguments: {}, call: async () => null };
  }

  /** Arguments written out are checked against what the resource knows. */
  arguments(resource: Resource): Template | undefined {
    const value = this.fields.value('Arguments');
    if (!isExpression(value)) {
      const path = `${this.fields.path}/Arguments`;
      const known = new Fields(value ?? {}, path, Object.keys(resource.arguments), this.problems);
      known.require(
        ...Object.keys(resource.arguments).filter((name) => resource.arguments[name] === 'required'),
      );
    }
    return this.template('Arguments');
  }

  /** `Next` or `End`, `Assign` and `Output` of the state itself. */
  exit(place: Place): Exit {
    const { fields } = this;
    if (fields.has('Next') === fields.has('End')) {
      this.problems.schema('Exactly one of [Next, End] is required', fields.path);
    }
    if (fields.has('End') && fields.value('End') !== true) {
      this.problems.schema('Value should be true', `${fields.path}/End`);
    }
    return this.leave(fields, place);
  }

  /** `Next`, `Assign` and `Output` of a state, a rule or a catcher. */
  leave(part: Fields, place: Place, at?: string): Exit {
    const [output, assign] = [part.value('Output'), part.value('Assign')];
    this.#checkVariables(assign, `${part.path}/Assign`);
    return {
      next: part.has('Next') ? part.string('Next') : undefined,
      output: output === undefined ? undefined : this.templateOf(output, part, 'Output', place, at),
      assign: assign === undefined ? undefined : this.templateOf(assign, part, 'Assign', place, at),
    };
  }

  fallible(): Fallible {
    return {
      retry: retriers(this.fields, this.problems),
      catch: catchers(this.fields, this.problems, (catcher, at) => this.leave(catcher, 'caught', at)),
    };
  }

  #checkVariables(assign: unknown, path: string): void {
    if (assign !== undefined && !isObject(assign)) {
      this.problems.schema('Expected value of type [OBJECT]', path);
    }
    for (const name of isObject(assign) ? Object.keys(assign) : []) {
      if (!/^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u.test(name)) {
        this.problems.schema(`'${name}' cannot be the name of a variable`, path);
      } else if (name === 'states') {
        this.problems.schema("'states' is reserved and cannot be assigned", path);
      }
    }
  }
}
