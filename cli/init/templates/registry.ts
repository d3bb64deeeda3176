/** The registry, with the example. */
export const registry = (): string => `import type { Migration } from 'serverless-data-migrations';
import { customersFullName } from './customers-full-name.js';

/** Every migration, in the order in which they run. New ones are added at the end. */
export const migrations: readonly Migration[] = [customersFullName];
`;
