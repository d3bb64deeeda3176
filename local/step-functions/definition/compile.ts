import type { Resource } from '../resources/resource.ts';
import { readContainer } from './container.ts';
import { Fields } from './fields.ts';
import type { Machine } from './machine.ts';
import { Problems } from './problems.ts';
import { checkLanguage } from './reading.ts';

/** 1 MB */
const definitionLimit = 1_048_576;

/**
 * Checks a definition as AWS does when a machine is created, and parses its expressions. Throws `InvalidDefinition` with
 * every problem. Strict: what this interpreter does not know is refused, never ignored.
 */
export function compile(definition: string, resources: readonly Resource[]): Machine {
  const problems = new Problems();
  if (Buffer.byteLength(definition) > definitionLimit) {
    problems.schema(`The definition is larger than ${definitionLimit} bytes`, '/');
    problems.throwIfAny();
  }
  const parsed = parse(definition, problems);
  problems.throwIfAny();

  const known = ['Comment', 'StartAt', 'States', 'TimeoutSeconds', 'Version', 'QueryLanguage'];
  const fields = new Fields(parsed, '/', known, problems);
  fields.string('Comment');
  checkLanguage(fields, '', problems);
  if (fields.has('Version') && fields.value('Version') !== '1.0') {
    problems.schema('Value should be one of the following: [1.0]', '/Version');
  }
  const machine = {
    timeoutSeconds: fields.number('TimeoutSeconds', 1, 99_999_999),
    ...readContainer(fields, '', {
      readContainer,
      resources,
      problems,
      language: fields.string('QueryLanguage'),
      names: new Set(),
      outer: new Set(),
    }),
  };
  problems.throwIfAny();
  return machine;
}

function parse(definition: string, problems: Problems): unknown {
  try {
    return JSON.parse(definition);
  } catch (error) {
    problems.schema(`Definition must be a valid JSON object: ${String(error)}`, '/');
    return undefined;
  }
}
