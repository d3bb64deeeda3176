import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LaneSlice, MigrateRequest, Slice } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { RowOptions } from '../../../functions/engine/define/migration.ts';
import { tune } from '../../../functions/engine/ledger/controls.ts';
import type { ThrottlePlan } from '../../../functions/engine/schedule/throttle.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { untilLockWait } from '../../support/lock-waits.ts';

const rows = 2_000;
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS rows');
  await engine.database.query(
    'CREATE TABLE rows (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0) WITH (autovacuum_enabled = off)',
  );
  await engine.database.query(`INSERT INTO rows SELECT n FROM generate_series(1, ${rows}) AS n`);
});

const common = {
  name: 'probe',
  table: 'rows',
  key: 'id',
  immutableKey: true,
  pace: { maxRows: 20 },
} as const;
const kinds = {
  backfill: (options: Partial<RowOptions> = {}) =>
    backfill({ ...common, set: { changed: sql`changed + 1` }, ...options }),
  rewrite: (options: Partial<RowOptions> = {}) =>
    rewrite<{ changed: number }>({
      ...common,
      columns: ['changed'],
      transform: ({ changed }) => ({ changed: changed + 1 }),
      ...options,
    }),
};

/** A backfill whose rows take so many ms each. */
const slow = (ms: number, options: Partial<RowOptions> = {}) =>
  backfill({
    ...common,
    set: { changed: sql`changed + CASE WHEN pg_sleep(${ms / 1_000}::float8) IS NULL THEN 2 ELSE 1 END` },
    ...options,
  });

const isBatch = (text: string) => text.includes('UPDATE "public"."rows"');
const changes = () =>
  engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1 ORDER BY 1');
const everyRowOnce = [{ changed: 1, rows }];

/** The lanes whose ranges get on, from one look to the next. */
function lanesGettingOn(): { look(): Promise<void>; taken(): readonly number[] } {
  const before = new Map<number, string>();
  const lanes = new Set<number>();
  const look = async () => {
    const ranges = await engine.ledger<Range>('ranges').catch(() => []);
    for (const { number, lane, batches } of ranges) {
      const known = before.get(number);
      before.set(number, batches);
      if (lane !== null && known !== undefined && known !== batches) {
        lanes.add(lane);
      }
    }
  };
  // One after the other, so that none sees less than the one before it.
  let looks = Promise.resolve();
  return {
    look: () => {
      looks = looks.then(look);
      return looks;
    },
    taken() {
      const found = [...lanes].sort();
      lanes.clear();
      return found;
    },
  };
}

interface Range {
  readonly number: number;
  readonly lane: number | null;
  readonly batches: string;
}

describe.each(Object.entries(kinds))('A %s', (_, make) => {
  it('is tuned to more lanes, and to fewer, while slices run: each row is changed once, and the next slice has them', async () => {
    const lanes = lanesGettingOn();
    const tunings = [
      { at: 10, lanes: 4 },
      { at: 50, lanes: 2 },
    ];
    let batches = 0;
    let tunedAt = 0;
    const seen: (readonly number[])[] = [];
    engine.between = async ({ sql: text }) => {
      if (!isBatch(text)) {
        return undefined;
      }
      batches += 1;
      // Another lane's may come while this one waits.
      const number = batches;
      await lanes.look();
      const [next] = tunings;
      // Those that are under way then come to their end: each lane's batch, and one more if it began before.
      if (number === tunedAt + 16) {
        lanes.taken();
      }
      if (next !== undefined && number >= next.at) {
        seen.push(lanes.taken());
        tunings.shift();
        tunedAt = batches;
        await tune(engine.dataApi(), 'probe', 'somebody', { lanes: next.lanes });
      }
      return undefined;
    };
    const result = await engine.run([make({ lanes: 1 })]);
    seen.push(lanes.taken());
    expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    expect(await changes()).toEqual(everyRowOnce);
    expect(seen).toEqual([[], [0, 1, 2, 3], [0, 1]]);
  });

  it('has a second lane by itself where each call takes 30 ms longer, and changes each row once', async () => {
    const lanes = lanesGettingOn();
    engine.between = async ({ sql: text }) => {
      if (isBatch(text)) {
        await lanes.look();
      }
      return { delayMs: 30 };
    };
    const result = await engine.run([make()]);
    expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
    expect(await changes()).toEqual(everyRowOnce);
    expect(lanes.taken()).toEqual(expect.arrayContaining([0, 1]));
  });
});

it('The time of "within" counts for the lanes that were asked for: what one cannot do in it, eight do', async () => {
  const input = { background: 'probe' };
  // Twelve seconds of work.
  const late = (lanes: number) => slow(6, { lanes, within: '12 seconds' });
  await expect(engine.run([late(1)], { input })).rejects.toThrow(
    /cannot be done in time, even without rests/,
  );
  expect(await changes()).toEqual([{ changed: 0, rows }]);

  const lanes = lanesGettingOn();
  engine.between = async ({ sql: text }) => {
    if (isBatch(text)) {
      await lanes.look();
    }
    return undefined;
  };
  const restsInTime = new Set<number>();
  const after = async () => {
    const [line] = await engine.ledger<{ schedule: ThrottlePlan | null }>('migrations');
    if (line?.schedule?.late_seconds === 0) {
      restsInTime.add(line.schedule.rest_seconds);
    }
  };
  expect((await engine.run([late(8)], { input, after })).probe).toMatchObject({
    total_updated: rows,
    errors: 0,
  });
  expect(await changes()).toEqual(everyRowOnce);
  expect(lanes.taken()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  // In its first plan; a later one may be late where the machine was held up.
  expect(Math.max(...restsInTime)).toBeGreaterThan(0);
});

it('Pressure holds the lanes of a rewrite in all of their invocations, and they go on after it', async () => {
  const holder = await connected();
  const waiter = await connected();
  const someRow = `UPDATE rows SET changed = changed WHERE id = ${rows}`;
  let waiting: Promise<unknown> = Promise.resolve();
  const changed = async () =>
    (await engine.database.query<{ sum: number }>('SELECT sum(changed)::int FROM rows'))[0]?.sum;
  const held = new Map<number, LaneSlice>();
  let before: number | undefined;
  let letGo = () => {};
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });

  const after = async ({ operation, ...request }: MigrateRequest, answer: unknown) => {
    if (operation === 'batches' && (answer as Slice).state === 'lanes' && before === undefined) {
      before = await changed();
      await holder.query('BEGIN');
      await holder.query(someRow);
      waiting = waiter.query(someRow);
      // Who waits for a second is stuck.
      await untilLockWait(engine.database, 1.1);
    }
    if (operation === 'lane' && 'lane' in request && held.size < 4) {
      held.set(request.lane.number, answer as LaneSlice);
      if (held.size === 4) {
        expect(await changed()).toBe(before);
        await holder.query('ROLLBACK');
        await waiting;
        letGo();
      }
      await released;
    }
  };
  const result = await engine.run([kinds.rewrite({ lanes: 4 })], { after });
  const reason = expect.stringMatching(/^process \d+ has waited .* for a lock on rows$/);
  expect([...held].sort()).toEqual(
    [0, 1, 2, 3].map((number) => [number, { state: 'more', number, of: 4, rest_seconds: 10, reason }]),
  );
  expect(before).toBeLessThan(rows / 2);
  expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
  expect(await changes()).toEqual(everyRowOnce);
});

const sessions: pg.Client[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.end()));
});

async function connected(): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: engine.database.url });
  await session.connect();
  sessions.push(session);
  return session;
}
