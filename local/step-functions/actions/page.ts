import { ApiError } from '../api-error.ts';
import type { RequestFields } from './request-fields.ts';

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Asks for the next page; absent on the last. */
  readonly nextToken?: string;
}

/** The longest token that the API model allows, in characters. */
const maxTokenLength = 3096;

/**
 * The page that a request asks for by `maxResults` and `nextToken`.
 *
 * @param keyOf Tells an item from the others. A token names the last item of a page, so that pages do not shift when
 *   the list grows.
 * @throws InvalidToken.
 */
export function pageOf<T>(
  all: readonly T[],
  keyOf: (item: T) => string | number,
  fields: RequestFields,
): Page<T> {
  const size = fields.pageSize();
  const token = fields.text('nextToken', maxTokenLength);
  const start = token === undefined ? 0 : startAfter(all, keyOf, token);
  const items = all.slice(start, start + size);
  const last = items.at(-1);
  return last === undefined || start + size >= all.length
    ? { items }
    : { items, nextToken: Buffer.from(String(keyOf(last))).toString('base64url') };
}

function startAfter<T>(all: readonly T[], keyOf: (item: T) => string | number, token: string): number {
  const key = Buffer.from(token, 'base64url').toString();
  const position = all.findIndex((item) => String(keyOf(item)) === key);
  if (position < 0) {
    throw new ApiError('InvalidToken', 'Invalid Token');
  }
  return position + 1;
}
