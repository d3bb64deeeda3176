import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration } from '../../../functions/engine/define/migration.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { type Call, startEngine, type TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';
import { base, indexes, items, kinds, type More } from './labels.ts';

let engine: TestEngine;
beforeAll(async () => {
  // The transaction of a killed process dies soon, so that nobody waits minutes for its locks.
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

const probes: Record<string, (more: More) => Migration> = {
  backfill: (more) => backfill({ ...base, set: { writes: sql`writes + 1` }, ...more }),
  rewrite: (more) =>
    rewrite<{ writes: number }>({
      ...base,
      columns: ['writes'],
      transform: ({ writes }) => ({ writes: writes + 1 }),
      ...more,
    }),
};
const journals: Record<string, More> = { 'a marker': {}, 'a marker and a journal': { onInvalid: 'restore' } };
const combinations = Object.entries(probes).flatMap(([kind, make]) =>
  Object.entries(journals).map(([what, more]) => [kind, what, make(more)] as const),
);

describe.each(combinations)('Promises 1 and 2, a %s that adds 1, with %s', (kind, what, probe) => {
  const rows = 25;
  const journal = what.includes('journal');
  // The marker itself is made in the same way for all of them; the rest is about their batches.
  const isFirst = (text: string) =>
    kind === 'backfill' && journal ? text.includes('gen_random_uuid()') : isPage(text);
  const isPage = (text: string) => /"page#" AS\b/.test(text);

  const expectOnce = async (when: string) => {
    const all = await engine.database.query(
      'SELECT writes, labelled, count(*)::int AS rows FROM items GROUP BY 1, 2',
    );
    expect(all, when).toEqual([{ writes: 1, labelled: true, rows }]);
    expect(await indexes(engine), when).toMatchObject([{ valid: true }]);
    if (!journal) {
      return;
    }
    const before = await engine.database.query(`
      SELECT before ->> 'writes' AS before, version = xmin_of AS untouched, count(*)::int AS rows
      FROM data_migrations.undo_labels JOIN (SELECT id, xmin AS xmin_of FROM items) AS i ON i.id = "k#0" GROUP BY 1, 2`);
    expect(before, when).toEqual([{ before: '0', untouched: true, rows }]);
  };

  /** Runs the probe over fresh rows, with trouble at one of the calls of its slices; how many of these there are. */
  const run = async (number: number, trouble: (call: Call, release: Promise<void>) => Promise<Fault>) => {
    await engine.forget();
    await items(engine, rows);
    await engine.database.query('DROP TABLE IF EXISTS data_migrations.undo_labels');
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = false;
    let count = 0;
    let calls = 0;
    let where = 'without trouble';
    engine.between = (call) => {
      begun ||= isFirst(call.sql);
      if (!begun) {
        return 'pass';
      }
      count += 1;
      if (count !== number) {
        return 'pass';
      }
      where = `call ${number}: ${call.sql.trim().replace(/\s+/g, ' ').slice(0, 200)}`;
      return trouble(call, released);
    };
    const result = await engine.run([probe], {
      attempts: 1,
      after: ({ operation }) => {
        if (count > number) {
          release();
        }
        if (operation === 'batches') {
          calls = count;
        }
      },
    });
    release();
    expect(result.labels, where).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    return { calls, where };
  };

  it('changes every row once when any call is the last of a process killed after it', async () => {
    let last = 1;
    for (let number = 1; number <= last; number += 1) {
      const { calls, where } = await run(number, async ({ process }) => {
        process.kill();
        return 'lose-answer';
      });
      last = calls;
      await expectOnce(where);
    }
    expect(last).toBeGreaterThan(4);
  });

  it('changes every row once when any call comes from a zombie after the next invocation', async () => {
    let last = 1;
    for (let number = 1; number <= last; number += 4) {
      const { calls, where } = await run(number, async ({ process }, release) => {
        process.abandon();
        await release;
        return 'pass';
      });
      last = calls;
      await engine.settled();
      await expectOnce(where);
    }
    expect(last).toBeGreaterThan(4);
  });
});

describe.each(Object.entries(kinds))('Promise 3, a %s with a marker and a journal', (_, make) => {
  it('loses no write of an application that storms its rows', async () => {
    const rows = 1_000;
    await items(engine, rows);
    await engine.database.query(`UPDATE items SET label = 'old 0'`);
    await engine.database.query('DROP TABLE IF EXISTS data_migrations.undo_labels');
    // Every write counts in its column, and in the label, which the migration rewrites meanwhile.
    const forms = [`split_part(label, ' ', 1)`, `'old'`, `'new'`];
    let goesOn = true;
    let written = 0;
    const writers = [0, 1, 2].map(async (number) => {
      const client = await engine.database.pool.connect();
      for (let i = number; goesOn; i += 1) {
        const first = 1 + ((i * 7919) % rows);
        await client.query('BEGIN');
        const { rowCount } = await client.query(`
          UPDATE items SET writes = writes + 1, label = ${forms[i % 3]} || ' ' || split_part(label, ' ', 2)::integer + 1
          WHERE id BETWEEN ${first * 10} AND ${(first + 4) * 10}`);
        if (number === 0) {
          await wait(20); // so that a batch comes to wait for these rows, and finds others than it looked for
        }
        await client.query('COMMIT');
        written += rowCount ?? 0;
        await wait(1);
      }
      client.release();
    });
    const migration = make({ pace: { maxRows: 100 }, onInvalid: 'restore' });
    expect((await engine.run([migration])).labels).toMatchObject({ errors: 0 });
    goesOn = false;
    await Promise.all(writers);
    await engine.run([migration]);
    const [sum] = await engine.database.query(`
      SELECT count(*) FILTER (WHERE label = 'new ' || writes AND labelled)::int AS right, sum(writes)::int AS writes FROM items`);
    expect(sum).toEqual({ right: rows, writes: written });
    // What would be put back is the very version that was changed.
    const [journal] = await engine.database.query(`
      SELECT count(*)::int AS restorable, count(*) FILTER (WHERE label <> replace(before ->> 'label', 'old', 'new'))::int AS wrong
      FROM data_migrations.undo_labels j JOIN items i ON i.id = j."k#0" AND i.xmin = j.version`);
    expect(journal).toEqual({ restorable: expect.toSatisfy((count) => count > 100), wrong: 0 });
    expect(written).toBeGreaterThan(200);
  });
});
