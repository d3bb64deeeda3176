import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { noNulls } from '../../../functions/engine/define/validations.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const limit = 0.3;
let engine: TestEngine;
let someone: pg.Client;
beforeAll(async () => {
  engine = await startEngine({ statementTimeoutSeconds: limit, sleeps: 0.05 });
  someone = new pg.Client({ connectionString: engine.database.url });
  await someone.connect();
});
afterAll(async () => {
  await someone.end();
  await engine.stop();
});
beforeEach(async () => {
  await someone.query('ROLLBACK');
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS items');
  await engine.database.query('CREATE TABLE items (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0)');
  await engine.database.query('INSERT INTO items SELECT n FROM generate_series(1, 300) AS n');
});

const base = { name: 'items', table: 'items', key: 'id', pace: { maxRows: 40 } } as const;
const where = sql`n = 0`;
const validate = [noNulls('n')];
const kinds: Readonly<Record<string, Migration>> = {
  'a backfill': backfill({ ...base, where, set: { n: sql`1` }, onInvalid: 'restore', validate }),
  'a rewrite': rewrite({ ...base, where, columns: ['n'], transform: () => ({ n: 1 }), validate }),
};

/** Takes a lock before the first statement that matches, and lets it go once statements have waited in vain a dozen times. */
function lockAt(statement: RegExp, mode: 'SHARE' | 'ACCESS EXCLUSIVE') {
  let waited = -1;
  engine.between = async ({ sql: text }) => {
    if (waited < 0 && statement.test(text)) {
      await someone.query(`BEGIN; LOCK TABLE items IN ${mode} MODE`);
      waited = 0;
    } else if (waited >= 0 && /items/.test(text)) {
      waited += 1;
      if (waited === 12) {
        await someone.query('COMMIT');
      }
    }
    return 'pass' as const;
  };
  return () => expect(waited).toBeGreaterThan(12);
}

it.each(
  Object.entries(kinds).flatMap(([kind, migration]) => [
    [kind, 'SHARE', migration] as const,
    [kind, 'ACCESS EXCLUSIVE', migration] as const,
  ]),
)(
  'promise 16: %s waits for a table that is locked in %s mode, and blames no row',
  async (_, mode, migration) => {
    const wasLocked = lockAt(/UPDATE "(public"\.")?items"/, mode);
    const result = await engine.run([migration]);
    wasLocked();
    expect(result.items).toMatchObject({ total_processed: 300, total_updated: 300, errors: 0 });
  },
);

it('promise 16: validating waits for a table that is locked, and blames no row', async () => {
  const migration = kinds['a backfill'] as Migration;
  await engine.run([migration]);
  const wasLocked = lockAt(/^\s*SELECT \(SELECT count/, 'ACCESS EXCLUSIVE');
  const result = await engine.run([migration], { input: { validate: 'items' } });
  wasLocked();
  expect(result.items).toMatchObject({ validations: [{ passed: true }] });
});

it('promise 16: restoring waits for a table that is locked, and blames no row', async () => {
  const migration = kinds['a backfill'] as Migration;
  await engine.run([migration]);
  const wasLocked = lockAt(/jsonb_object_keys/, 'ACCESS EXCLUSIVE');
  await engine.run([migration], { input: { restore: 'items' } });
  wasLocked();
  expect(await engine.database.query('SELECT DISTINCT n FROM items')).toEqual([{ n: 0 }]);
});
