import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { emailAddressesNormalized } from '../data-migrations/email-addresses-normalized.js';
import { migrations } from '../data-migrations/index.js';
import { namesOf255 } from '../data-migrations/names-of-255.js';
import { queriesAsJson } from '../data-migrations/queries-as-json.js';
import { issueTracker } from '../migrations.config.js';

const unchanged = { runs: 3, final_state: 'unchanged' };

let system: TestSystem;
before(async () => {
  system = await startTestSystem(issueTracker);
});
after(() => system?.stop());

test('Every name may be long, and all tables have kept their rows', async () => {
  assert.deepEqual(await system.migrate(namesOf255), { total_processed: 5, total_updated: 4, errors: 0 });
  const name = 'A name of more than thirty letters';
  for (const table of ['trackers', 'issue_statuses', 'custom_fields', 'enumerations', 'roles']) {
    await system.query(`INSERT INTO ${table} (name) VALUES ($1)`, [name]);
  }
  assert.deepEqual(await system.query('SELECT count(*)::integer AS trackers FROM trackers'), [
    { trackers: 5 },
  ]);
});

test('What saved queries keep is JSON, whichever Ruby has written it', async () => {
  assert.deepEqual(await system.verify(queriesAsJson), { ...unchanged, rows_updated: 1_997, errors: 2 });
  assert.deepEqual(await system.migrate(queriesAsJson), {
    total_processed: 2_000,
    total_updated: 1_997,
    errors: 2,
    validations: [{ name: 'json', passed: false, failed_rows: 2 }],
  });
  const queries = await system.query(
    'SELECT id, filters, column_names, sort_criteria, options FROM queries WHERE id = ANY ($1) ORDER BY id',
    [[7, 8, 10]],
  );
  const options = '{"totalable_names":[],"draw_relations":true}';
  assert.deepEqual(queries, [
    {
      id: 7,
      filters: '{"status_id":{"operator":"c","values":["1"]}}',
      column_names: null,
      sort_criteria: '[["id","desc"]]',
      options,
    },
    { id: 8, filters: null, column_names: '["id","subject","cf_8"]', sort_criteria: '[]', options: null },
    {
      id: 10,
      filters:
        '{"status_id":{"operator":"o","values":[""]},"assigned_to_id":{"operator":"=","values":["me","10"]}}',
      column_names: '["id","subject","cf_1"]',
      sort_criteria: '[["id","desc"]]',
      options,
    },
  ]);
  const [object, cutOff] = await system.errors(queriesAsJson);
  assert.deepEqual([object?.key, cutOff?.key], [['500'], ['501']]);
  assert.match(object?.reason ?? '', /Unresolved tag: !ruby\/object:OpenStruct/);
  assert.match(cutOff?.reason ?? '', /Missing closing "quote/);
});

test('Of addresses that are the same, the first is normalized, and the others are row errors', async () => {
  assert.deepEqual(await system.verify(emailAddressesNormalized), {
    ...unchanged,
    rows_updated: 3_001,
    errors: 10,
  });
  assert.deepEqual(await system.migrate(emailAddressesNormalized), {
    total_processed: 3_011,
    total_updated: 3_001,
    errors: 10,
    validations: [{ name: 'email_format', passed: false, failed_rows: 1 }],
  });
  const addresses = await system.query(
    `SELECT id, address, normalized_address FROM email_addresses WHERE user_id IN (3, 101) ORDER BY id`,
  );
  assert.deepEqual(addresses, [
    { id: 3, address: 'User3@Example.ORG', normalized_address: 'user3@example.org' },
    { id: 101, address: ' user101@example.org ', normalized_address: 'user101@example.org' },
    { id: 3_002, address: 'USER2@example.org', normalized_address: null },
  ]);
  const errors = await system.errors(emailAddressesNormalized);
  assert.deepEqual([...new Set(errors.map(({ sqlstate }) => sqlstate))], ['23505']);
});

test('A second run has nothing to do', async () => {
  assert.deepEqual(await system.run(), Object.fromEntries(migrations.map(({ name }) => [name, 'skipped'])));
});
