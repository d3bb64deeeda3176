import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { Killed } from '../../support/lambda-process.ts';
import { begun, indexes, items, kinds } from './labels.ts';

describe('The index of a marker', () => {
  let slow: TestEngine;
  const migration = kinds.backfill?.() as Migration;
  const builds = () => slow.statements.filter((text) => text.startsWith('CREATE INDEX')).length;

  beforeAll(async () => {
    slow = await startEngine({ transactionIdleSeconds: 0.1, statementTimeoutSeconds: 0.4 });
    // Two builds wait for each other, which PostgreSQL then notices before their calls are given up.
    await slow.database.query(`ALTER DATABASE ${slow.database.name} SET deadlock_timeout = '50ms'`);
    await upgradeLedger(slow.dataApi());
  });
  afterAll(() => slow.stop());
  beforeEach(async () => {
    await slow.forget();
    await items(slow, 35);
  });

  // A test that fails in the middle must not hold up the next one.
  afterEach(() =>
    slow.database.query(`
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'idle in transaction'`),
  );

  /** Holds up every build of an index, which waits for those who may still see what is not in it. */
  async function oldTransaction(): Promise<() => Promise<void>> {
    const client = await slow.database.pool.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT FROM pg_class LIMIT 1');
    return async () => {
      await client.query('COMMIT');
      client.release();
    };
  }
  const building = expect.stringMatching(
    /^the index "labels_ix" on the rows that are left is being built: waiting for old snapshots, .*process \d+$/,
  );

  it('is built on while nobody waits for it, and never twice', async () => {
    const commit = await oldTransaction();
    const process = slow.process([migration]);
    const slice = await begun(process, 'killed');
    slow.between = ({ sql: text }) => {
      if (text.startsWith('CREATE INDEX')) {
        void wait(100).then(() => process.kill());
      }
    };
    await expect(slice()).rejects.toThrow(Killed);
    const next = slow.process([migration]);
    for (const _ of [1, 2]) {
      expect(await slice(next)).toMatchObject({ state: 'more', rest_seconds: 10, reason: building });
    }
    const [line] = await slow.ledger<{ resting: unknown }>('migrations');
    expect(line?.resting).toEqual({ until: expect.any(String), reason: building });
    expect(builds()).toBe(1);
    await commit();
    await expect.poll(() => indexes(slow)).toMatchObject([{ valid: true }]);
    expect(await slice(next)).toMatchObject({ state: 'done', total_updated: 35 });
    expect(builds()).toBe(1);
  });

  it('is made anew where an earlier try has left an invalid one', async () => {
    const commit = await oldTransaction();
    const slice = await begun(slow.process([migration]), 'broken off');
    expect(await slice(), 'longer than a call may take').toMatchObject({ state: 'more', reason: building });
    await slow.database.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active'`,
    );
    await commit();
    const [before] = await indexes(slow);
    expect(before).toMatchObject({ valid: false });
    expect(await slice()).toMatchObject({ state: 'done', total_updated: 35 });
    const after = await indexes(slow);
    expect(after).toMatchObject([{ name: 'labels_ix', valid: true }]);
    expect(after[0]?.oid).not.toBe(before?.oid);
  });

  it('is given up after three builds that ended without one, which read the whole table each', async () => {
    const slice = await begun(slow.process([migration]), 'never');
    slow.between = async ({ sql: text }) => {
      if (!text.includes('pg_stat_progress_create_index')) {
        return;
      }
      await slow.database.query(
        `UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('labels_ix')`,
      );
    };
    for (const _ of [1, 2, 3]) {
      expect(await slice()).toMatchObject({ state: 'more', rest_seconds: 10 });
    }
    await expect(slice()).rejects.toMatchObject({
      name: 'MigrationFailed',
      message: expect.stringMatching(/"labels_ix" is not valid after 3 builds.*statement_timeout/),
    });
    expect(builds()).toBe(3);
  });

  it('is one although two invocations begin to build it at the same moment', async () => {
    const [one, two] = [slow.process([migration]), slow.process([migration])];
    const slice = await begun(one, 'twice');
    const application = await slow.database.pool.connect();
    let both = () => {};
    const waiting = new Promise<void>((resolve) => {
      both = resolve;
    });
    slow.between = async ({ sql: text }) => {
      if (!text.startsWith('CREATE INDEX')) {
        return;
      }
      if (builds() === 2) {
        both();
      }
      await waiting;
    };
    const first = slice(one);
    await expect.poll(builds).toBe(1);
    // A build waits for whoever is writing; so both are under way when they find that they wait for each other.
    await application.query('BEGIN');
    await application.query('UPDATE items SET writes = 0 WHERE id = 10');
    const second = slice(two);
    await waiting;
    await wait(100);
    await application.query('COMMIT');
    application.release();
    for (const { state } of await Promise.all([first, second])) {
      expect(['more', 'done']).toContain(state);
    }
    expect(builds()).toBe(2);
    while ((await slice(two)).state !== 'done') {}
    expect(await indexes(slow)).toMatchObject([{ name: 'labels_ix', valid: true }]);
    const changed = await slow.database.query('SELECT count(*)::int AS rows FROM items WHERE labelled');
    expect(changed).toEqual([{ rows: 35 }]);
  });
});
