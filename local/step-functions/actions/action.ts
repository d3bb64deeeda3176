import type { Account } from '../account.ts';
import type { Input } from './input.ts';

/** One action of the API: answers the response's fields, or throws an `ApiError`. Dates become epoch seconds. */
export type Action = (account: Account, input: Input) => Readonly<Record<string, unknown>>;
