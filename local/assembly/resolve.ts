import { attributesOf } from './references.ts';
import type { Environment, Template } from './template.ts';

/** Puts values in the place of CloudFormation's intrinsics. `where` names what they are needed for, for errors. */
export type Resolve = (value: unknown, where: string) => unknown;

/** Knows the intrinsics that synthesized machines and functions use; any other one is an error, never left in place. */
export function resolver(template: Template, env: Environment): Resolve {
  function resolve(value: unknown, where: string): unknown {
    if (Array.isArray(value)) {
      return value.map((each) => resolve(each, where)).filter((each) => each !== undefined);
    }
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    const [first] = Object.entries(value);
    if (first !== undefined && Object.keys(value).length === 1) {
      const [name, argument] = first;
      if (name === 'Ref') {
        return refer(String(argument), 'Ref', where);
      }
      if (name.startsWith('Fn::') || name === 'Condition') {
        return call(name, argument, where);
      }
    }
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, each]) => [name, resolve(each, where)] as const)
        .filter(([, each]) => each !== undefined),
    );
  }

  function call(name: string, argument: unknown, where: string): unknown {
    switch (name) {
      case 'Fn::Join': {
        const [delimiter, parts] = argument as [string, unknown];
        return listOf(resolve(parts, where), name, where).map(String).join(delimiter);
      }
      case 'Fn::Sub':
        return substitute(argument, where);
      case 'Fn::GetAtt': {
        const [id = '', ...attribute] = Array.isArray(argument) ? argument : String(argument).split('.');
        return refer(String(id), attribute.join('.'), where);
      }
      case 'Fn::Select': {
        const [index, list] = argument as [number | string, unknown];
        return listOf(resolve(list, where), name, where)[Number(index)];
      }
      case 'Fn::Split': {
        const [delimiter, text] = argument as [string, unknown];
        return String(resolve(text, where)).split(delimiter);
      }
      default:
        throw new Error(`${where}: the intrinsic ${name} is not known here`);
    }
  }

  function substitute(argument: unknown, where: string): string {
    const [text, own] = (Array.isArray(argument) ? argument : [argument, {}]) as [
      string,
      Record<string, unknown>,
    ];
    return text.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) {
        return `\${${name}}`;
      }
      if (Object.hasOwn(own, name)) {
        return String(resolve(own[name], where));
      }
      const [id = '', ...attribute] = name.trim().split('.');
      return String(refer(id, attribute.join('.') || 'Ref', where));
    });
  }

  function refer(id: string, attribute: string, where: string): unknown {
    const pseudo: Readonly<Record<string, string | undefined>> = {
      'AWS::Partition': 'aws',
      'AWS::Region': env.region,
      'AWS::AccountId': env.account,
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::NoValue': undefined,
    };
    if (Object.hasOwn(pseudo, id)) {
      return pseudo[id];
    }
    const parameter = template.Parameters?.[id];
    if (parameter?.Default !== undefined) {
      return parameter.Default;
    }
    const resource = template.Resources[id];
    if (resource === undefined) {
      throw new Error(`${where} refers to ${id}, which is neither a resource nor a parameter with a default`);
    }
    const property = (name: string): string | undefined => {
      const value = resolve(resource.Properties?.[name], id);
      return value === undefined ? undefined : String(value);
    };
    const found = attributesOf(id, resource, property, env)?.[attribute];
    if (found === undefined) {
      throw new Error(`${where} refers to ${attribute} of ${id}: not known here for ${resource.Type}`);
    }
    return found;
  }

  return resolve;
}

function listOf(value: unknown, name: string, where: string): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new Error(`${where}: ${name} needs a list, got ${JSON.stringify(value)}`);
  }
  return value;
}
