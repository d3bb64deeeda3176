import { ApiError } from '../api-error.ts';
import type { Input } from './input.ts';

/** One page of a list, and the token for the next. `keyOf` names an item for good, while the list grows. */
export function page<T>(
  all: readonly T[],
  keyOf: (item: T) => string | number,
  input: Input,
): { readonly items: readonly T[]; readonly nextToken?: string } {
  const size = input.pageSize();
  const token = input.text('nextToken', 3096);
  const start = token === undefined ? 0 : startBehind(all, keyOf, token);
  const items = all.slice(start, start + size);
  const last = items.at(-1);
  return last === undefined || start + size >= all.length
    ? { items }
    : { items, nextToken: Buffer.from(String(keyOf(last))).toString('base64url') };
}

function startBehind<T>(all: readonly T[], keyOf: (item: T) => string | number, token: string): number {
  const key = Buffer.from(token, 'base64url').toString();
  const position = all.findIndex((item) => String(keyOf(item)) === key);
  if (position < 0) {
    throw new ApiError('InvalidToken', 'Invalid Token');
  }
  return position + 1;
}
