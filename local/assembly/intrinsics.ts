import * as v from 'valibot';
import { attributesOf } from './resource-attributes.ts';
import type { Environment, Template } from './template.ts';

/**
 * Replaces CloudFormation's intrinsics (`Ref`, `Fn::Join`, …) in a value by what they stand for. `user` names who
 * needs the value, for error messages: `Handler of MigrateFunction`.
 */
export type Resolve = (value: unknown, user: string) => unknown;

/**
 * The intrinsics of a template, as they would resolve in the given account. It knows those that synthesized machines
 * and functions use.
 *
 * @throws (the returned function) for any other intrinsic, and for a reference to what is not known: nothing stays
 *   unresolved.
 */
export function intrinsics(template: Template, environment: Environment): Resolve {
  function resolve(value: unknown, user: string): unknown {
    if (Array.isArray(value)) {
      return value.map((each) => resolve(each, user)).filter((each) => each !== undefined);
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const fields = Object.entries(value);
    const [first] = fields;
    if (first !== undefined && fields.length === 1) {
      const [name, argument] = first;
      if (name === 'Ref') {
        return refer(String(argument), 'Ref', user);
      }
      if (name.startsWith('Fn::') || name === 'Condition') {
        return call(name, argument, user);
      }
    }
    return Object.fromEntries(
      fields
        .map(([name, each]) => [name, resolve(each, user)] as const)
        .filter(([, each]) => each !== undefined), // AWS::NoValue takes its field away
    );
  }

  function call(name: string, argument: unknown, user: string): unknown {
    const given = <Schema extends v.GenericSchema>(schema: Schema): v.InferOutput<Schema> =>
      argumentsOf({ name, argument, schema, user });
    switch (name) {
      case 'Fn::Join': {
        const [delimiter, parts] = given(v.tuple([v.string(), v.unknown()]));
        return list(name, parts, user).map(String).join(delimiter);
      }
      case 'Fn::Sub':
        return substitute(given(v.union([v.string(), textAndVariables])), user);
      case 'Fn::GetAtt': {
        const [id = '', ...attribute] = Array.isArray(argument) ? argument : String(argument).split('.');
        return refer(String(id), attribute.join('.'), user);
      }
      case 'Fn::Select': {
        const [index, items] = given(v.tuple([v.union([v.number(), v.string()]), v.unknown()]));
        return list(name, items, user)[Number(index)];
      }
      case 'Fn::Split': {
        const [delimiter, text] = given(v.tuple([v.string(), v.unknown()]));
        return String(resolve(text, user)).split(delimiter);
      }
      default:
        throw new Error(`${user}: the intrinsic ${name} is not known here`);
    }
  }

  function list(name: string, value: unknown, user: string): readonly unknown[] {
    const resolved = resolve(value, user);
    if (!Array.isArray(resolved)) {
      throw new Error(`${user}: ${name} needs a list, got ${JSON.stringify(resolved)}`);
    }
    return resolved;
  }

  /** `Fn::Sub`: `${Name}` and `${Resource.Attribute}` are replaced, `${!Name}` stands for `${Name}` itself. */
  function substitute(argument: string | v.InferOutput<typeof textAndVariables>, user: string): string {
    const [text, variables] = typeof argument === 'string' ? [argument, {}] : argument;
    return text.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) {
        return `\${${name}}`;
      }
      if (Object.hasOwn(variables, name)) {
        return String(resolve(variables[name], user));
      }
      const [id = '', ...attribute] = name.trim().split('.');
      return String(refer(id, attribute.join('.') || 'Ref', user));
    });
  }

  function refer(id: string, attribute: string, user: string): unknown {
    const pseudoParameters: Readonly<Record<string, string | undefined>> = {
      'AWS::Partition': 'aws',
      'AWS::Region': environment.region,
      'AWS::AccountId': environment.account,
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::NoValue': undefined,
    };
    if (Object.hasOwn(pseudoParameters, id)) {
      return pseudoParameters[id];
    }
    const parameter = template.Parameters?.[id];
    if (parameter?.Default !== undefined) {
      return parameter.Default;
    }
    const resource = template.Resources[id];
    if (resource === undefined) {
      throw new Error(`${user} refers to ${id}, which is neither a resource nor a parameter with a default`);
    }
    const property = (name: string): string | undefined => {
      const value = resolve(resource.Properties?.[name], id);
      return value === undefined ? undefined : String(value);
    };
    const found = attributesOf(resource.Type, { id, property, environment })?.[attribute];
    if (found === undefined) {
      throw new Error(`${user} refers to ${attribute} of ${id}: not known here for ${resource.Type}`);
    }
    return found;
  }

  return resolve;
}

/**
 * A value that must resolve to text.
 *
 * @throws when it is anything else.
 */
export function textOf(resolve: Resolve, value: unknown, user: string): string {
  const resolved = resolve(value, user);
  if (typeof resolved !== 'string') {
    throw new Error(`${user} should be text, got ${JSON.stringify(resolved)}`);
  }
  return resolved;
}

/** The long form of `Fn::Sub`: the text, and variables for it alone. */
const textAndVariables = v.tuple([v.string(), v.record(v.string(), v.unknown())]);

function argumentsOf<Schema extends v.GenericSchema>(given: {
  readonly name: string;
  readonly argument: unknown;
  readonly schema: Schema;
  readonly user: string;
}): v.InferOutput<Schema> {
  const result = v.safeParse(given.schema, given.argument);
  if (!result.success) {
    throw new Error(`${given.user}: ${given.name} cannot be read: ${result.issues[0].message}`);
  }
  return result.output;
}
