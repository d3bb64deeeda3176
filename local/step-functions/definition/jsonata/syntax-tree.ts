import { isObject } from '../../json.ts';

/** A node of the tree that JSONata's parser makes. The published type leaves out most of its fields. */
export interface Node {
  readonly type: string;
  readonly value?: unknown;
  readonly [field: string]: unknown;
}

export function isNode(value: unknown): value is Node {
  return isObject(value) && typeof value.type === 'string';
}

/** The nodes in a field's value: a node, or a list (of lists) of nodes. A term of a sort stands for its expression. */
export function nodesIn(value: unknown): readonly Node[] {
  if (Array.isArray(value)) {
    return value.flatMap(nodesIn);
  }
  if (isNode(value)) {
    return [value];
  }
  return isObject(value) ? nodesIn(value.expression) : [];
}

/** The expressions in the predicates and groupings behind a node, such as `[n > 2]` and `{ kind: price }`. */
export function stagesOf({ predicate, stages, group }: Node): readonly Node[] {
  const filters = [...listOf(predicate), ...listOf(stages)].map((stage) =>
    isObject(stage) ? stage.expr : undefined,
  );
  return [...nodesIn(filters), ...(isObject(group) ? nodesIn(group.lhs) : [])];
}

/** Where in the source the first part of a node stands that has a position; undefined when none has. */
export function firstPosition(part: unknown): number | undefined {
  if (typeof part !== 'object' || part === null) {
    return undefined;
  }
  if ('position' in part && typeof part.position === 'number') {
    return part.position;
  }
  for (const inner of Object.values(part)) {
    const position = firstPosition(inner);
    if (position !== undefined) {
      return position;
    }
  }
  return undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
