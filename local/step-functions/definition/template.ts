import jsonata from 'jsonata';
import { queryEvaluationError } from '../failure.ts';
import { isObject, type Json } from '../json.ts';
import { checkExpression, type Place } from './expression.ts';
import { addFunctions } from './functions.ts';
import type { Problems } from './problems.ts';

/** What expressions can see. */
export interface Scope {
  readonly states: {
    readonly input: Json;
    readonly context: Json;
    readonly result?: Json;
    readonly errorOutput?: Json;
  };
  readonly variables: Readonly<Record<string, Json>>;
}

/** JSON in which strings of the form `{% … %}` are expressions. */
export interface Template {
  evaluate(scope: Scope): Promise<Json>;
}

/** One expression, which must give a value. */
export type Expression = Template;

/** AWS's bounds, as others measured them: 100 levels deep, 873,782 elements in a list. 5 s are the library's own. */
const bounds = { stack: 100, sequence: 873_782, timeout: 5000 };

/** Parses all expressions in `value`, and reports those that AWS would refuse. */
export function template(value: unknown, at: FieldPlace, problems: Problems): Template {
  if (typeof value === 'string') {
    return ofString(value, at, problems);
  }
  if (Array.isArray(value)) {
    const elements = value.map((each, i) => template(each, inside(at, `[${i}]`), problems));
    return { evaluate: (scope) => inOrder(elements, (element) => element.evaluate(scope)) };
  }
  if (isObject(value)) {
    const fields = Object.entries(value).map(
      ([name, each]) => [name, template(each, inside(at, `/${name}`), problems)] as const,
    );
    return {
      evaluate: async (scope) =>
        Object.fromEntries(
          await inOrder(fields, async ([name, field]) => [name, await field.evaluate(scope)] as const),
        ),
    };
  }
  return literal(value as Json);
}

/** Where a field stands: in the definition, in its state, and what it may refer to. */
export interface FieldPlace {
  /** As AWS names it in a create-time error: `/States/Rest/Seconds` */
  readonly path: string;
  /** As AWS names it at run time, from its state: `Seconds` */
  readonly field: string;
  readonly place: Place;
}

function inside(at: FieldPlace, step: string): FieldPlace {
  return { path: at.path + step, field: at.field + step, place: at.place };
}

export function isExpression(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('{%') && value.endsWith('%}');
}

function ofString(value: string, at: FieldPlace, problems: Problems): Template {
  if (!isExpression(value)) {
    if (value.startsWith('{%') || value.endsWith('%}')) {
      problems.schema('A JSONata expression starts with {% and ends with %}, and fills the string', at.path);
    }
    return literal(value);
  }
  const source = value.slice(2, -2).trim();
  let parsed: jsonata.Expression;
  try {
    parsed = jsonata(source, bounds);
  } catch (error) {
    problems.add('INVALID_JSONATA_EXPRESSION', messageOf(error), at.path);
    return literal(null);
  }
  checkExpression(parsed.ast(), at.place, (message) =>
    problems.add('UNSUPPORTED_JSONATA_EXPRESSION', message, at.path),
  );
  addFunctions(parsed);
  return { evaluate: (scope) => evaluate(parsed, source, at.field, scope) };
}

async function evaluate(
  parsed: jsonata.Expression,
  source: string,
  field: string,
  scope: Scope,
): Promise<Json> {
  const about = `The JSONata expression '${source}' specified for the field '${field}'`;
  let value: unknown;
  try {
    value = await parsed.evaluate(undefined, { ...scope.variables, states: scope.states });
  } catch (error) {
    throw queryEvaluationError(field, `${about} threw an error during evaluation. ${messageOf(error)}`);
  }
  const json = JSON.stringify(value, (_, each: unknown) => plain(each, field, about));
  if (json === undefined) {
    throw queryEvaluationError(field, `${about} returned nothing (undefined).`);
  }
  return JSON.parse(json) as Json;
}

/** JSON has no infinite numbers and no functions: AWS writes the ones by name and refuses the others. */
function plain(value: unknown, field: string, about: string): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return String(value);
  }
  if (
    typeof value === 'function' ||
    (isObject(value) && ('_jsonata_function' in value || '_jsonata_lambda' in value))
  ) {
    throw queryEvaluationError(field, `${about} returned an unsupported result type: a function.`);
  }
  return value;
}

function literal(value: Json): Template {
  return { evaluate: async () => value };
}

async function inOrder<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    results.push(await each(item));
  }
  return results;
}

/** The library throws plain objects as well as errors. */
function messageOf(error: unknown): string {
  return isObject(error) && typeof error.message === 'string' ? error.message : String(error);
}
