import { isJsonObject } from '../json.ts';
import type { CompileContext } from './compile-context.ts';
import { Fields, type Range } from './fields.ts';
import type { Phase } from './jsonata/check-expression.ts';
import { isExpression, type Template, template } from './jsonata/template.ts';
import type { Exit } from './machine.ts';

/** ECMAScript's identifiers without `$`, of at most 80 characters. */
const variableName = /^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u;

/** The fields of a state, or of a part of it: a rule, a retrier, a catcher. Their values may be expressions. */
export class StateFields {
  readonly fields: Fields;
  readonly context: CompileContext;
  /** Where the part stands within its state, such as `Choices[0]/`; empty for the state itself. */
  readonly #prefix: string;

  constructor(fields: Fields, context: CompileContext, prefix = '') {
    this.fields = fields;
    this.context = context;
    this.#prefix = prefix;
  }

  /**
   * The parts in a list of this state, such as its `Choices`.
   *
   * @param known The fields that a part may have.
   */
  parts(name: string, known: readonly string[]): readonly StateFields[] {
    return this.fields.list(name).map((part, i) => {
      const place = `${name}[${i}]`;
      const fields = new Fields(part, `${this.fields.path}/${place}`, known, this.context.problems);
      return new StateFields(fields, this.context, `${place}/`);
    });
  }

  /** Reports a problem with one field, or with all of them together. */
  problem(message: string, name?: string): void {
    const { path } = this.fields;
    this.context.problems.schema(message, name === undefined ? path : `${path}/${name}`);
  }

  /** @param phase Decides which members `$states` has in the field's expressions. */
  template(name: string, phase: Phase = 'before'): Template | undefined {
    const value = this.fields.value(name);
    if (value === undefined) {
      return undefined;
    }
    const place = { path: `${this.fields.path}/${name}`, field: `${this.#prefix}${name}`, phase };
    return template(value, place, this.context.problems);
  }

  /** An integer, or an expression that gives one. */
  integer(name: string, range: Range): Template | undefined {
    if (!isExpression(this.fields.value(name))) {
      this.fields.integer(name, range);
    }
    return this.template(name);
  }

  /** Text, or an expression that gives some. */
  string(name: string): Template | undefined {
    this.fields.string(name);
    return this.template(name);
  }

  /** The state's own exit: `Next` or `End`, `Assign` and `Output`. */
  nextOrEnd(phase: Phase): Exit {
    const { fields } = this;
    if (fields.has('Next') === fields.has('End')) {
      this.problem('Exactly one of [Next, End] is required');
    }
    if (fields.has('End') && fields.value('End') !== true) {
      this.problem('Value should be true', 'End');
    }
    return this.exit(phase);
  }

  /** `Next`, `Assign` and `Output` of a state, a rule or a catcher. */
  exit(phase: Phase): Exit {
    this.#checkVariables();
    return {
      next: this.fields.string('Next'),
      output: this.template('Output', phase),
      assign: this.template('Assign', phase),
    };
  }

  #checkVariables(): void {
    const assign = this.fields.value('Assign');
    if (assign === undefined) {
      return;
    }
    if (!isJsonObject(assign)) {
      this.problem('Expected value of type [OBJECT]', 'Assign');
      return;
    }
    for (const name of Object.keys(assign)) {
      if (!variableName.test(name)) {
        this.problem(`'${name}' cannot be the name of a variable`, 'Assign');
      } else if (name === 'states') {
        this.problem("'states' is reserved and cannot be assigned", 'Assign');
      }
    }
  }
}
