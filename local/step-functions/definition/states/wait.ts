import { maxInteger } from '../../quotas.ts';
import { isExpression, type Template } from '../jsonata/template.ts';
import type { WaitState } from '../machine.ts';
import type { StateFields } from '../state-fields.ts';
import { parseTimestamp } from '../timestamp.ts';

export const waitFields = ['Seconds', 'Timestamp', 'Next', 'End', 'Assign', 'Output'];

/** Stands in for a value that is missing, which is reported. */
const noWait: Template = { evaluate: async () => 0 };

export function readWait(state: StateFields): WaitState {
  const given = (['Seconds', 'Timestamp'] as const).filter((name) => state.fields.has(name));
  const [kind = 'Seconds'] = given;
  if (given.length !== 1) {
    state.problem('Exactly one of [Seconds, Timestamp] is required');
  }
  const value = kind === 'Seconds' ? readSeconds(state) : readTimestamp(state);
  return { type: 'Wait', until: { kind, value: value ?? noWait }, ...state.nextOrEnd('before') };
}

function readSeconds(state: StateFields): Template | undefined {
  return state.integer('Seconds', { min: 0, max: maxInteger });
}

function readTimestamp(state: StateFields): Template | undefined {
  if (!isExpression(state.fields.value('Timestamp'))) {
    const text = state.fields.string('Timestamp');
    if (text !== undefined && parseTimestamp(text) === undefined) {
      state.problem('Timestamp must be RFC 3339, as in 2026-11-21T22:00:00Z', 'Timestamp');
    }
  }
  return state.template('Timestamp');
}
