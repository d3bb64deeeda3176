import type { ChoiceState } from '../definition/machine.ts';
import { Failure, queryEvaluationError } from '../failure.ts';
import type { Left, Visit } from './visit.ts';

/** Leaves by the first rule that matches. */
export async function runChoice(visit: Visit, state: ChoiceState): Promise<Left> {
  for (const [i, rule] of state.rules.entries()) {
    const { condition } = rule;
    const matched = typeof condition === 'boolean' ? condition : await visit.evaluate(condition);
    if (typeof matched !== 'boolean') {
      const field = `Choices[${i}]/Condition`;
      const reason = `The value for the field '${field}' must be a boolean, but was ${JSON.stringify(matched)}`;
      throw visit.failed(queryEvaluationError(field, reason));
    }
    if (matched) {
      return visit.leave(rule, {}, visit.input);
    }
  }
  if (state.default === undefined) {
    const reason = 'Failed to transition out of the state. The state does not point to a next state.';
    throw visit.failed(new Failure('States.Runtime', reason, { ours: true }));
  }
  return visit.leave(state.default, {}, visit.input);
}
