import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { application } from '../migrations.config.js';
import { ordersTotalCents } from './orders-total-cents.js';

let system: TestSystem;
before(async () => {
  system = await startTestSystem(application);
});
after(() => system.stop());

test('each order costs what its items cost', async () => {
  assert.equal((await system.verify(ordersTotalCents)).final_state, 'unchanged');
  assert.deepEqual(await system.migrate(ordersTotalCents), {
    total_processed: 2000,
    total_updated: 2000,
    errors: 0,
    validations: [{ name: 'no_nulls', passed: true, failed_rows: 0 }],
  });
  const wrong = await system.query(`
    SELECT o.id FROM orders o JOIN order_items i ON i.order_id = o.id
    GROUP BY o.id HAVING o.total_cents <> sum(i.quantity * i.price) * 100`);
  assert.deepEqual(wrong, []);
  assert.equal(await system.migrate(ordersTotalCents), 'skipped');
});
