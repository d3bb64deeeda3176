// What the tests use of the demo, but for those of the demo itself.

import { readFile } from 'node:fs/promises';

export { prepareDemo } from '../../demo/database/prepare.ts';
export { demoApplication } from '../../demo/infra/application.ts';
export { migrations } from '../../demo/migrations/index.ts';

/** The name of the demo's follow-up job, and of its machine. */
export const rebuildJob = 'rebuild-employee-projections';

/** The SQL of one of the demo's files: its tables, or some of its data. */
export function demoSql(file: 'schema' | 'audience-data'): Promise<string> {
  return readFile(new URL(`../../demo/database/${file}.sql`, import.meta.url), 'utf8');
}
