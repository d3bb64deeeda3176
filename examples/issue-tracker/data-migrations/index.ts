import type { Migration } from 'serverless-data-migrations';
import { emailAddressesNormalized } from './email-addresses-normalized.js';
import { namesOf255 } from './names-of-255.js';
import { queriesAsJson } from './queries-as-json.js';

/** In the order in which they run. */
export const migrations: readonly Migration[] = [namesOf255, queriesAsJson, emailAddressesNormalized];
