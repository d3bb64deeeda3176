import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { application } from '../migrations.config.js';
import { tenantsUpdatedAt } from './tenants-updated-at.js';

let system: TestSystem;
before(async () => {
  system = await startTestSystem(application);
});
after(() => system.stop());

test('every tenant gets the column', async () => {
  const outcome = await system.migrate(tenantsUpdatedAt);
  assert.deepEqual(outcome, { total_processed: 12, total_updated: 11, errors: 0 });
  const [tenants] = await system.query(`
    SELECT count(*)::int AS with FROM information_schema.columns
    WHERE table_name = 'settings' AND column_name = 'updated_at'`);
  assert.deepEqual(tenants, { with: 12 });
  assert.equal(await system.migrate(tenantsUpdatedAt), 'skipped');
});
