import type { Account } from '../account.ts';
import type { RequestFields } from './request-fields.ts';

/**
 * One action of the API.
 *
 * @returns the response's fields; dates become seconds since 1970.
 * @throws ApiError.
 */
export type Action = (account: Account, fields: RequestFields) => Readonly<Record<string, unknown>>;
