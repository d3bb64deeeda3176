import { functionNames } from './functions.ts';
import { firstPosition, isNode, type Node, nodesIn, stagesOf } from './syntax-tree.ts';

/** When a field is evaluated: before the state's work, after it, or when a catcher matches. */
export type Phase = 'before' | 'after' | 'caught';

/** The members that `$states` has in each phase. */
const statesMembers: Readonly<Record<Phase, readonly string[]>> = {
  before: ['input', 'context'],
  after: ['input', 'context', 'result'],
  caught: ['input', 'context', 'errorOutput'],
};

/** What a part of an expression can refer to. */
interface Scope {
  /** The names that the expression itself has bound so far. */
  readonly locals: Set<string>;
  /**
   * Whether there is a context item, which a bare name and `$` refer to. AWS gives an expression none, because its
   * input is `$states.input`. In predicates, later steps, sort terms and groupings there is one.
   */
  readonly hasItem: boolean;
}

/**
 * Reports what AWS refuses when a machine is created: bare names, `$` and `$$` at the top level, unknown functions,
 * members that `$states` does not have, and operators that came after AWS's version of JSONata.
 *
 * @param ast The expression's syntax tree.
 * @param report Takes each problem's message.
 */
export function checkExpression(ast: unknown, phase: Phase, report: (problem: string) => void): void {
  checkAll(nodesIn(ast), { locals: new Set(), hasItem: false });

  function checkAll(nodes: readonly Node[], scope: Scope): void {
    for (const node of nodes) {
      check(node, scope);
    }
  }

  function check(node: Node, scope: Scope): void {
    switch (node.type) {
      case 'path':
        checkPath(node, scope);
        return;
      case 'bind':
        checkBinding(node, scope);
        return;
      case 'lambda':
        checkLambda(node, scope);
        return;
      case 'block':
        checkBlock(node, scope);
        return;
      case 'transform':
        checkAll(nodesIn([node.pattern, node.update, node.delete]), { ...scope, hasItem: true });
        return;
      case 'name':
      case 'wildcard':
      case 'descendant':
      case 'parent':
        if (!scope.hasItem) {
          report(`Reference to '${String(node.value ?? '%')}' at the top level is not supported.`);
        }
        break;
      case 'variable':
        checkVariable(String(node.value), scope);
        break;
      case 'function':
      case 'partial':
        checkCalled(node.procedure, scope);
        break;
      case 'condition':
        checkOperator(node);
        break;
      case 'apply': // `value ~> function`; anything but a name is checked as a part below
        if (isNode(node.rhs) && node.rhs.type === 'variable') {
          checkCalled(node.rhs, scope);
        }
        break;
    }
    checkParts(node, scope);
  }

  function checkParts(node: Node, scope: Scope): void {
    checkStages(node, scope);
    const { steps, predicate, stages, group, procedure, ...parts } = node;
    checkAll(nodesIn(Object.values(parts)), scope);
  }

  /** Predicates and groupings look at the items of what they stand behind. */
  function checkStages(node: Node, scope: Scope): void {
    checkAll(stagesOf(node), { ...scope, hasItem: true });
  }

  function checkPath(path: Node, { locals: outer, hasItem }: Scope): void {
    const steps = nodesIn(path.steps);
    const bound = steps
      .flatMap(({ focus, index }) => [focus, index])
      .filter((name) => typeof name === 'string');
    const locals = new Set([...outer, ...bound]);
    const [first, second] = steps;
    if (first?.type === 'variable' && first.value === 'states' && second?.type === 'name') {
      checkMember(String(second.value));
    }
    checkAll(steps.slice(0, 1), { locals, hasItem });
    checkAll(steps.slice(1), { locals, hasItem: true });
    checkStages(path, { locals, hasItem });
  }

  function checkBinding({ lhs, rhs }: Node, scope: Scope): void {
    const name = isNode(lhs) ? String(lhs.value) : '';
    if (name === 'states') {
      report("'$states' is reserved and cannot be assigned.");
    }
    scope.locals.add(name);
    checkAll(nodesIn(rhs), scope);
  }

  function checkLambda({ arguments: parameters, body }: Node, { locals, hasItem }: Scope): void {
    const names = nodesIn(parameters).map(({ value }) => String(value));
    checkAll(nodesIn(body), { locals: new Set([...locals, ...names]), hasItem });
  }

  function checkBlock(block: Node, { locals, hasItem }: Scope): void {
    const inner = { locals: new Set(locals), hasItem };
    checkAll(nodesIn(block.expressions), inner);
    checkStages(block, inner);
  }

  function checkVariable(name: string, { locals, hasItem }: Scope): void {
    if (name === '$') {
      report("Reference to '$$' is not supported.");
    } else if (name === '' && !hasItem) {
      report("Reference to '$' at the top level is not supported.");
    } else if (name === 'eval' && !locals.has(name)) {
      report("The function '$eval' is not supported: use $parse for JSON.");
    }
  }

  /** A called function is a name, or an expression that gives a function. */
  function checkCalled(procedure: unknown, { locals }: Scope): void {
    for (const node of nodesIn(procedure)) {
      const name = String(node.value);
      if (node.type !== 'variable') {
        check(node, { locals, hasItem: false });
      } else if (!locals.has(name) && !functionNames.has(name)) {
        report(`The function '$${name}' is not supported.`);
      }
    }
  }

  /** The parser makes a condition of `a ?? b` and `a ?: b`, in which `a` stands twice. */
  function checkOperator({ condition, then }: Node): void {
    const position = firstPosition(then);
    if (position === undefined || position !== firstPosition(condition)) {
      return; // `a ? b : c`
    }
    // For `??` it asks `$exists(a)`, which stands nowhere in the source.
    const asksExists = isNode(condition) && condition.type === 'function' && condition.position === undefined;
    const operator = asksExists ? '??' : '?:';
    report(`The operator '${operator}' is not supported: AWS has JSONata 2.0.6. Write a ? b : c.`);
  }

  function checkMember(name: string): void {
    const members = statesMembers[phase];
    if (!members.includes(name)) {
      const known = members.map((member) => `$states.${member}`).join(', ');
      report(`'$states.${name}' is not supported here: there is ${known}.`);
    }
  }
}
