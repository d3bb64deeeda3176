import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { application } from '../migrations.config.js';
import { eventAmounts } from './event-amounts.js';

let system: TestSystem;
before(async () => {
  system = await startTestSystem(application);
});
after(() => system.stop());

test('an amount keeps its value, and its event keeps the rest', async () => {
  assert.equal((await system.verify(eventAmounts)).final_state, 'unchanged');
  const outcome = await system.migrate(eventAmounts);
  assert.deepEqual(outcome, { total_processed: 1500, total_updated: 1500, errors: 0 });
  const [event] = await system.query(`
    SELECT payload FROM "orderEvents" WHERE payload #>> '{amount,cents}' = '750' LIMIT 1`);
  assert.deepEqual(event, { payload: { type: 'placed', amount: { cents: 750, currency: 'EUR' } } });
  assert.equal(await system.migrate(eventAmounts), 'skipped');
});
