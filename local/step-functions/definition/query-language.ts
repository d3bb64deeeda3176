import type { Fields } from './fields.ts';
import type { Problems } from './problems.ts';

/**
 * Reports a query language other than JSONata, which is the only one that is interpreted here.
 *
 * @param inherited The language of a state without a `QueryLanguage` of its own.
 */
export function checkQueryLanguage(fields: Fields, problems: Problems, inherited?: string): void {
  const language = fields.string('QueryLanguage') ?? inherited;
  if (language !== undefined && language !== 'JSONata') {
    problems.schema(`QueryLanguage must be 'JSONata' here; got '${language}'`, fields.path);
  }
}
