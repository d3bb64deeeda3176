import type { ChoiceState, Rule } from '../definition/machine.ts';
import { queryEvaluationError, runtimeError } from '../failure.ts';
import type { Transition, Visit } from './visit.ts';

/**
 * Leaves by the first rule whose condition is true, or else by the default.
 *
 * @throws States.Runtime when there is no default.
 */
export async function runChoice(visit: Visit, state: ChoiceState): Promise<Transition> {
  for (const [i, rule] of state.rules.entries()) {
    if (await isTrue(visit, rule, `Choices[${i}]/Condition`)) {
      return visit.leave(rule, {}, visit.input);
    }
  }
  if (state.default === undefined) {
    throw visit.failed(
      runtimeError('Failed to transition out of the state. The state does not point to a next state.'),
    );
  }
  return visit.leave(state.default, {}, visit.input);
}

async function isTrue(visit: Visit, { condition }: Rule, field: string): Promise<boolean> {
  const value = typeof condition === 'boolean' ? condition : await visit.evaluate(condition);
  if (typeof value !== 'boolean') {
    const cause = `The value for the field '${field}' must be a boolean, but was ${JSON.stringify(value)}`;
    throw visit.failed(queryEvaluationError(field, cause));
  }
  return value;
}
