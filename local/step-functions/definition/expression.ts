import type jsonata from 'jsonata';
import { isObject } from '../json.ts';
import { functionNames } from './functions.ts';

/** Which members `$states` has where an expression stands. */
export type Place = 'before' | 'after' | 'caught';

const members: Readonly<Record<Place, readonly string[]>> = {
  before: ['input', 'context'],
  after: ['input', 'context', 'result'],
  caught: ['input', 'context', 'errorOutput'],
};

/** The parts of the parser's tree that matter here; the published type leaves most of them out. */
interface Node {
  readonly type: string;
  readonly value?: unknown;
  readonly [key: string]: unknown;
}

/**
 * Reports what AWS refuses when a machine is created. An expression has no context item: its input is `$states.input`, so
 * a bare name, `$` or `$$` refers to nothing. In predicates, later steps, sort terms and groupings there is one.
 */
export function checkExpression(
  ast: jsonata.ExprNode,
  place: Place,
  report: (problem: string) => void,
): void {
  walk(ast as unknown as Node, new Set(), true);

  function walk(node: Node, locals: Set<string>, atTop: boolean): void {
    switch (node.type) {
      case 'path':
        walkPath(node, locals, atTop);
        return;
      case 'name':
      case 'wildcard':
      case 'descendant':
      case 'parent':
        if (atTop) {
          report(`Reference to '${String(node.value ?? '%')}' at the top level is not supported.`);
        }
        break;
      case 'variable':
        walkVariable(String(node.value), locals, atTop);
        break;
      case 'function':
      case 'partial':
        walkCalled(node.procedure as Node, locals);
        break;
      case 'apply':
        if ((node.rhs as Node).type === 'variable') {
          walkCalled(node.rhs as Node, locals);
        }
        break;
      case 'bind': {
        const name = String((node.lhs as Node).value);
        if (name === 'states') {
          report("'$states' is reserved and cannot be assigned.");
        }
        locals.add(name);
        walk(node.rhs as Node, locals, atTop);
        return;
      }
      case 'lambda': {
        const names = ((node.arguments as Node[]) ?? []).map(({ value }) => String(value));
        walk(node.body as Node, new Set([...locals, ...names]), atTop);
        return;
      }
      case 'block': {
        const inner = new Set(locals);
        for (const each of node.expressions as Node[]) {
          walk(each, inner, atTop);
        }
        walkStages(node, inner);
        return;
      }
      case 'transform':
        walkAll([node.pattern, node.update, node.delete], locals, false);
        return;
    }
    walkStages(node, locals);
    const { steps, predicate, stages, group, procedure, ...parts } = node;
    walkAll(Object.values(parts), locals, atTop);
  }

  function walkAll(parts: readonly unknown[], locals: Set<string>, atTop: boolean): void {
    for (const part of parts) {
      if (Array.isArray(part)) {
        walkAll(part, locals, atTop);
      } else if (isObject(part) && typeof part.type === 'string') {
        walk(part as Node, locals, atTop);
      } else if (isObject(part) && isObject(part.expression)) {
        walk(part.expression as Node, locals, atTop); // a term of a sort
      }
    }
  }

  function walkPath(path: Node, outer: Set<string>, atTop: boolean): void {
    const locals = new Set(outer);
    const [first, second, ...rest] = path.steps as Node[];
    for (const step of path.steps as Node[]) {
      for (const bound of [step.focus, step.index]) {
        if (typeof bound === 'string') {
          locals.add(bound);
        }
      }
    }
    if (first?.type === 'variable' && first.value === 'states' && second?.type === 'name') {
      checkMember(String(second.value));
    }
    if (first !== undefined) {
      walk(first, locals, atTop);
    }
    walkAll([second, ...rest], locals, false);
    walkStages(path, locals);
  }

  /** Predicates and groupings look at the items of what they stand behind. */
  function walkStages(node: Node, locals: Set<string>): void {
    for (const stage of [...((node.predicate as Node[]) ?? []), ...((node.stages as Node[]) ?? [])]) {
      walkAll([stage.expr], locals, false);
    }
    if (isObject(node.group)) {
      walkAll(node.group.lhs as unknown[], locals, false);
    }
  }

  function walkVariable(name: string, locals: Set<string>, atTop: boolean): void {
    if (name === '$') {
      report("Reference to '$$' is not supported.");
    } else if (name === '' && atTop) {
      report("Reference to '$' at the top level is not supported.");
    } else if (name === 'eval' && !locals.has(name)) {
      report("The function '$eval' is not supported: use $parse for JSON.");
    }
  }

  function walkCalled(procedure: Node, locals: Set<string>): void {
    const name = String(procedure.value);
    if (procedure.type === 'variable' && !locals.has(name) && !functionNames.has(name)) {
      report(`The function '$${name}' is not supported.`);
    } else if (procedure.type !== 'variable') {
      walk(procedure, locals, true);
    }
  }

  function checkMember(name: string): void {
    if (!members[place].includes(name)) {
      report(
        `'$states.${name}' is not supported here: there is ${members[place].map((m) => `$states.${m}`).join(', ')}.`,
      );
    }
  }
}
