import { isExpression } from '../jsonata/template.ts';
import type { ChoiceState, Rule } from '../machine.ts';
import type { StateFields } from '../state-fields.ts';

export const choiceFields = ['Choices', 'Default', 'Assign', 'Output'];
const ruleFields = ['Condition', 'Next', 'Assign', 'Output', 'Comment'];

export function readChoice(state: StateFields): ChoiceState {
  state.fields.require('Choices');
  const rules = state.parts('Choices', ruleFields).map(readRule);
  const next = state.fields.string('Default');
  // Assign and Output of the state itself belong to its default.
  return {
    type: 'Choice',
    rules,
    default: next === undefined ? undefined : { ...state.exit('before'), next },
  };
}

function readRule(rule: StateFields): Rule {
  rule.fields.require('Condition', 'Next');
  return { condition: readCondition(rule), ...rule.exit('before') };
}

function readCondition(rule: StateFields): Rule['condition'] {
  const condition = rule.fields.value('Condition');
  if (typeof condition === 'boolean') {
    return condition;
  }
  if (!isExpression(condition)) {
    rule.problem('Condition must be a JSONata expression or a boolean', 'Condition');
  }
  return rule.template('Condition') ?? false;
}
