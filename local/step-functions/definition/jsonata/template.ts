import jsonata from 'jsonata';
import { queryEvaluationError } from '../../failure.ts';
import { isJsonList, isJsonObject, isObject, type Json, parseJson } from '../../json.ts';
import type { Problems } from '../problems.ts';
import { checkExpression, type Phase } from './check-expression.ts';
import { addFunctions } from './functions.ts';

/** What expressions can see. */
export interface Scope {
  /** `$states` */
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
  /** @throws States.QueryEvaluationError when an expression fails, or gives nothing. */
  evaluate(scope: Scope): Promise<Json>;
}

/** Where a template stands. */
export interface TemplatePlace {
  /** In the definition, as AWS names it when a machine is created: `/States/Rest/Seconds`. */
  readonly path: string;
  /** In its state, as AWS names it when the state runs: `Seconds`. */
  readonly field: string;
  readonly phase: Phase;
}

/**
 * Bounds of an evaluation: 100 levels of nesting, and lists of 873,782 elements, as others have measured on AWS; and 5 s,
 * so that an expression without an end fails.
 */
const bounds = { stack: 100, sequence: 873_782, timeout: 5000 };

/** Parses all expressions in a value, and reports those that AWS would refuse. */
export function template(value: Json, place: TemplatePlace, problems: Problems): Template {
  if (typeof value === 'string') {
    return isExpression(value) ? expression(value, place, problems) : text(value, place, problems);
  }
  if (isJsonList(value)) {
    return listTemplate(value.map((each, i) => template(each, inside(place, `[${i}]`), problems)));
  }
  if (isJsonObject(value)) {
    const fields = Object.entries(value).map(
      ([name, each]) => [name, template(each, inside(place, `/${name}`), problems)] as const,
    );
    return objectTemplate(fields);
  }
  return literal(value);
}

/** Whether a value is text of the form `{% … %}`. */
export function isExpression(value: Json | undefined): value is string {
  return typeof value === 'string' && value.startsWith('{%') && value.endsWith('%}');
}

function inside({ path, field, phase }: TemplatePlace, step: string): TemplatePlace {
  return { path: path + step, field: field + step, phase };
}

function literal(value: Json): Template {
  return { evaluate: async () => value };
}

/** Elements are evaluated one after another, so that the first failure is always the same. */
function listTemplate(elements: readonly Template[]): Template {
  return {
    async evaluate(scope) {
      const values: Json[] = [];
      for (const element of elements) {
        values.push(await element.evaluate(scope));
      }
      return values;
    },
  };
}

function objectTemplate(fields: readonly (readonly [string, Template])[]): Template {
  return {
    async evaluate(scope) {
      const values: [string, Json][] = [];
      for (const [name, field] of fields) {
        values.push([name, await field.evaluate(scope)]);
      }
      return Object.fromEntries(values);
    },
  };
}

function text(value: string, place: TemplatePlace, problems: Problems): Template {
  if (value.startsWith('{%') || value.endsWith('%}')) {
    problems.schema('A JSONata expression starts with {% and ends with %}, and fills the string', place.path);
  }
  return literal(value);
}

function expression(value: string, { path, field, phase }: TemplatePlace, problems: Problems): Template {
  const source = value.slice('{%'.length, -'%}'.length).trim();
  let parsed: jsonata.Expression;
  try {
    parsed = parse(source);
  } catch (error) {
    problems.add('INVALID_JSONATA_EXPRESSION', messageOf(error), path);
    return literal(null);
  }
  checkExpression(parsed.ast(), phase, (message) =>
    problems.add('UNSUPPORTED_JSONATA_EXPRESSION', message, path),
  );
  return { evaluate: (scope) => evaluate(parsed, { source, field }, scope) };
}

// Machines share most of their expressions, and so do the versions of one machine.
const parsedBefore = new Map<string, jsonata.Expression>();
const mostParsed = 1_000;

function parse(source: string): jsonata.Expression {
  const known = parsedBefore.get(source);
  if (known !== undefined) {
    return known;
  }
  const parsed = jsonata(source, bounds);
  addFunctions(parsed);
  if (parsedBefore.size === mostParsed) {
    parsedBefore.clear();
  }
  parsedBefore.set(source, parsed);
  return parsed;
}

async function evaluate(
  parsed: jsonata.Expression,
  { source, field }: { readonly source: string; readonly field: string },
  scope: Scope,
): Promise<Json> {
  const subject = `The JSONata expression '${source}' specified for the field '${field}'`;
  let value: unknown;
  try {
    value = await parsed.evaluate(undefined, { ...scope.variables, states: scope.states });
  } catch (error) {
    throw queryEvaluationError(field, `${subject} threw an error during evaluation. ${messageOf(error)}`);
  }
  const json = JSON.stringify(value, (_, part: unknown) => {
    if (isFunction(part)) {
      throw queryEvaluationError(field, `${subject} returned an unsupported result type: a function.`);
    }
    return isInfinite(part) ? String(part) : part; // AWS gives the name of a number that JSON does not have
  });
  if (json === undefined) {
    throw queryEvaluationError(field, `${subject} returned nothing (undefined).`);
  }
  return parseJson(json);
}

function isInfinite(value: unknown): boolean {
  return typeof value === 'number' && !Number.isFinite(value);
}

/** A function of JavaScript, of JSONata, or defined in the expression. */
function isFunction(value: unknown): boolean {
  return (
    typeof value === 'function' ||
    (isObject(value) && ('_jsonata_function' in value || '_jsonata_lambda' in value))
  );
}

/** The library throws plain objects as well as errors. */
function messageOf(error: unknown): string {
  return isObject(error) && typeof error.message === 'string' ? error.message : String(error);
}
