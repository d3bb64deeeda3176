import { isObject } from '../json.ts';
import type { Resource } from '../resources/resource.ts';
import { catchers, retriers } from './errors.ts';
import type { Place } from './expression.ts';
import { Fields } from './fields.ts';
import type { Exit, Fallible } from './machine.ts';
import type { Reading } from './reading.ts';
import { isExpression, type Template, template } from './template.ts';

/** The fields of one state, with what most types read alike. */
export class StateFields {
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
