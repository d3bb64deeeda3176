import type { Integration } from '../integrations/integration.ts';
import { type Json, parseJson } from '../json.ts';
import { maxDefinitionBytes, maxInteger } from '../quotas.ts';
import { Fields } from './fields.ts';
import type { Machine } from './machine.ts';
import { Problems } from './problems.ts';
import { checkQueryLanguage } from './query-language.ts';
import { readWorkflow } from './workflow.ts';

const machineFields = ['Comment', 'StartAt', 'States', 'TimeoutSeconds', 'Version', 'QueryLanguage'];

/**
 * Checks a definition as AWS does when a machine is created, and parses its expressions. What this interpreter does
 * not know is refused, never ignored.
 *
 * @param definition JSON of the Amazon States Language, at most 1 MB.
 * @param integrations What its Tasks can call.
 * @throws InvalidDefinition with all problems.
 */
export function compile(definition: string, integrations: readonly Integration[]): Machine {
  const problems = new Problems();
  if (Buffer.byteLength(definition) > maxDefinitionBytes) {
    problems.schema(`The definition is larger than ${maxDefinitionBytes} bytes`, '/');
    problems.throwIfAny();
  }
  const parsed = parse(definition, problems);
  problems.throwIfAny();

  const fields = new Fields(parsed, '', machineFields, problems);
  fields.string('Comment');
  checkQueryLanguage(fields, problems);
  if (fields.has('Version') && fields.value('Version') !== '1.0') {
    problems.schema('Value should be one of the following: [1.0]', '/Version');
  }
  const machine = {
    timeoutSeconds: fields.integer('TimeoutSeconds', { min: 1, max: maxInteger }),
    ...readWorkflow(fields, {
      readWorkflow,
      integrations,
      problems,
      queryLanguage: fields.string('QueryLanguage'),
      stateNames: new Set(),
      outerVariables: new Set(),
    }),
  };
  problems.throwIfAny();
  return machine;
}

function parse(definition: string, problems: Problems): Json {
  try {
    return parseJson(definition);
  } catch (error) {
    problems.schema(`Definition must be a valid JSON object: ${String(error)}`, '/');
    return null;
  }
}
