import { RdsDataError } from '../errors.ts';

/** A quoted element, an unquoted one, or the brace of an inner array. */
const element = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)|(\{)/g;

/**
 * The elements of an array's text: `{1,NULL,"a \"b\""}`, maybe after its bounds, as in `[0:1]={1,2}`.
 *
 * @throws UnsupportedResultException for an array of more than one dimension.
 */
export function elementsOf(text: string): readonly (string | null)[] {
  const elements = text.slice(text.indexOf('{') + 1, -1);
  return [...elements.matchAll(element)].map(([, quoted, unquoted, brace]) => {
    if (brace) {
      throw new RdsDataError('UnsupportedResultException', 'The result contains a multidimensional array.');
    }
    if (quoted !== undefined) {
      return quoted.replace(/\\(.)/gs, '$1');
    }
    return unquoted === undefined || unquoted === 'NULL' ? null : unquoted;
  });
}
