import type { Runner } from './runner.ts';

/** The test of the example. */
export const exampleTest = ({
  module,
  before,
  after,
  timeout,
}: Runner): string => `import { deepEqual } from 'node:assert/strict';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { ${[after, before, 'test'].join(', ')} } from '${module}';
import { config } from '../migrations.config.js';
import { customersFullName } from './customers-full-name.js';

// The whole stack, on a PostgreSQL of this test's own that schema.sql has made.
let system: TestSystem;
${before}(async () => {
  system = await startTestSystem(await config.application());
}${timeout});
${after}(() => system?.stop()${timeout});

test('it may run again: that changes nothing more', async () => {
  const { rows_updated, final_state } = await system.verify(customersFullName);
  deepEqual({ rows_updated, final_state }, { rows_updated: 2, final_state: 'unchanged' });
}${timeout});

test('customers have their full name', async () => {
  await system.migrate(customersFullName);
  const customers = await system.query('SELECT full_name FROM customers ORDER BY id');
  deepEqual(
    customers.map((customer) => customer['full_name']),
    ['Ada Lovelace', 'Grace Hopper', 'Katherine Johnson'],
  );
}${timeout});
`;
