import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { type Checkpoint, remember } from '../../../functions/engine/ledger/checkpoint.ts';
import { ratesOf } from '../../../functions/engine/ledger/rates.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import { databaseClock } from '../../../local/postgres/database-clock.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
let forward: (seconds: number) => Promise<void>;
const claim = '91b0e6b0-fa80-40df-bf4b-c78026985591';
const at = { migration: 'labels', claim } as unknown as Checkpoint;

beforeAll(async () => {
  engine = await startEngine();
  ({ forward } = await databaseClock(engine.database));
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query(ledgerScript());
  // By the Data API, whose sessions have the clock that can be set.
  await engine.dataApi().execute(sql`
    INSERT INTO data_migrations.migrations (name, status, run, claim, slice_started_at)
    VALUES ('labels', 'running', 'run', ${claim}::uuid, now())`);
});

/** A slice that has taken so many seconds, with the rest before it, and so many rows. */
async function slice(seconds: number, rows: number): Promise<void> {
  await forward(seconds);
  await engine.database.query(
    `UPDATE data_migrations.migrations SET total_processed = total_processed + ${rows}`,
  );
  await remember(engine.dataApi(), at, { seconds });
}
const rates = async () => (await ratesOf(engine.dataApi())).get('labels') ?? [];
const perSecond = async () => (await rates()).map(({ rowsPerSecond }) => Math.round(rowsPerSecond));
const minutes = async () => {
  const all = await rates();
  return all.slice(1).map((each, i) => Math.round((each.at - (all[i]?.at ?? 0)) / 6_000) / 10);
};

describe('The rate of a migration', () => {
  it('is that of each slice, rests included, from the beginning of the first one on', async () => {
    await slice(100, 1_000);
    expect(await perSecond()).toEqual([10]);
    await slice(200, 1_000);
    await slice(100, 0);
    expect(await perSecond()).toEqual([10, 5, 0]);
  });

  it('is kept only by who holds the claim', async () => {
    await slice(100, 1_000);
    await remember(
      engine.dataApi(),
      { ...at, claim: '00000000-0000-0000-0000-000000000000' },
      { seconds: 1 },
    );
    expect(await perSecond()).toEqual([10]);
  });

  it('is kept for four hours of slices of four minutes, and no longer', async () => {
    for (let number = 1; number <= 70; number += 1) {
      await slice(240, 240 * number);
    }
    expect(await perSecond()).toEqual(Array.from({ length: 59 }, (_, i) => 12 + i));
  }, 60_000);

  it('is kept each minute where slices are shorter, for an hour', async () => {
    for (let number = 1; number <= 300; number += 1) {
      await slice(20, 40);
    }
    expect(await perSecond()).toEqual(Array(59).fill(2));
    expect(await minutes()).toEqual(Array(58).fill(1));
  }, 60_000);

  it('is one for all lanes, whose slices end at nearly the same time', async () => {
    for (let round = 0; round < 3; round += 1) {
      await slice(240, 2_400);
      for (let lane = 1; lane < 16; lane += 1) {
        await slice(0.2, 1);
      }
    }
    expect(await perSecond()).toEqual([10, 10, 10]);
  });

  it('is kept by the statement that ends a slice, without one of its own, and forgotten by the one that finishes the migration', async () => {
    await engine.database.query(
      'CREATE TABLE rows AS SELECT n AS id, false AS done FROM generate_series(1, 40) AS n',
    );
    await engine.database.query('ALTER TABLE rows ADD PRIMARY KEY (id)');
    const set = { done: sql`true` };
    const pace = { maxRows: 10, restSeconds: 5 };
    const migration = backfill({ name: 'rests', table: 'rows', key: 'id', where: sql`NOT done`, set, pace });
    const samples: number[] = [];
    await engine.run([migration], {
      after: async ({ operation }) => {
        const [row] = operation === 'batches' ? await engine.ledger<{ samples: unknown[] }>('rates') : [];
        samples.push(...(row ? [row.samples.length] : []));
      },
    });
    expect(samples.slice(0, 3)).toEqual([2, 3, 4]);
    expect(await engine.ledger('rates')).toEqual([]);
    const [kept = '', ...others] = engine.statements.filter((text) =>
      /INTO data_migrations\.rates/.test(text),
    );
    expect(kept).toMatch(/UPDATE data_migrations\.migrations\s+SET duration_seconds/);
    expect(others).toHaveLength(samples.length - 1);
  });

  it('begins anew with the migration', async () => {
    await slice(100, 1_000);
    await engine.database.query('DELETE FROM data_migrations.migrations');
    expect(await engine.ledger('rates')).toEqual([]);
  });
});
