import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readPayload, writePayload } from '../../demo/application/event-payload.ts';
import { employeeProjection } from '../../demo/projections/employee-projection.ts';
import { rebuild } from '../../demo/rebuild/rebuild.ts';
import type { Replayed } from '../../functions/contract.ts';
import { lambdaClock } from '../../functions/engine/clock.ts';
import { type RdsData, startRdsData } from '../../local/rds-data/endpoint.ts';
import { credentials } from '../support/credentials.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { caller } from '../support/engine.ts';
import { type Fault, type FaultProxy, type ProxiedCall, startFaultProxy } from '../support/fault-proxy.ts';
import { environmentOf } from '../support/lambda-process.ts';

let database: TestDatabase;
let endpoint: RdsData;
let proxy: FaultProxy;
let between: (call: ProxiedCall) => Fault | undefined | Promise<Fault | undefined>;

beforeAll(async () => {
  database = await freshDatabase({ name: 'rebuild' });
  endpoint = await startRdsData({
    database: database.url,
    accessKeyId: credentials.accessKeyId,
    transactionIdleSeconds: 0.2,
  });
  proxy = await startFaultProxy({
    target: endpoint.url,
    onCall: async (call) => (await between(call)) ?? 'pass',
  });
  vi.spyOn(lambdaClock, 'sleep').mockImplementation((seconds) => wait(seconds * 50));
  await database.query(readFileSync(new URL('../../demo/database/schema.sql', import.meta.url), 'utf8'));
});
afterAll(async () => {
  await proxy.close();
  await endpoint.close();
  await database.drop();
});
beforeEach(async () => {
  between = () => undefined;
  await database.query('TRUNCATE employee_events RESTART IDENTITY');
  await database.query('TRUNCATE employee_projection');
  await database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE');
});

let executions = 0;

/** The Lambda, for one execution; it is asked again as the machine does. */
function execution(options: { attempts?: number; name?: string } = {}) {
  Object.assign(process.env, environmentOf(proxy.url), { AWS_MAX_ATTEMPTS: String(options.attempts ?? 3) });
  const handler = rebuild(employeeProjection);
  const run = caller(options.name ?? `rebuild-${++executions}`);
  const ask = async (operation: 'prepare' | 'replay') => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await handler({ operation, rebuild: run }, { getRemainingTimeInMillis: () => 300_000 });
      } catch (error) {
        if ((error as Error).name !== 'DatabaseUnavailable' || tries > 8) {
          throw error;
        }
      }
    }
  };
  return {
    prepare: () => ask('prepare'),
    replayOnce: () => ask('replay'),
    async replay() {
      for (;;) {
        const replayed = (await ask('replay')) as Replayed;
        if (replayed.state === 'done') {
          return replayed;
        }
      }
    },
    async run() {
      await this.prepare();
      return this.replay();
    },
  };
}

const types = ['renamed', 'moved', 'promoted', 'left'] as const;

/** So many events of so many employees, in both forms. */
async function append(
  events: number,
  employees: number,
  client: pg.Client | pg.Pool = database.pool,
): Promise<void> {
  const values = Array.from({ length: events }, (_, i) => {
    const type = i < employees ? 'hired' : (types[(i * 7) % 4] ?? 'left');
    const payload = { name: `Name ${i} 😀`, title: `Title ${i}`, office: `Office "${i}"`, on: '2026-01-02' };
    const inJson = { payload: Buffer.from(JSON.stringify(payload)), encoding: 'json' };
    const { payload: bytes, encoding } = i % 2 ? writePayload(payload) : inJson;
    return { employee: i % employees, type, bytes: Buffer.from(bytes).toString('hex'), encoding };
  });
  await client.query(
    `INSERT INTO employee_events (employee_id, type, payload, encoding, occurred_at)
     SELECT md5('e' || (e ->> 'employee'))::uuid, e ->> 'type', decode(e ->> 'bytes', 'hex'), e ->> 'encoding', now()
     FROM jsonb_array_elements($1) WITH ORDINALITY AS events (e, n) ORDER BY n`,
    [JSON.stringify(values)],
  );
}

/** The projection as this test folds it, by itself, from the log. */
async function folded(upTo = Number.MAX_SAFE_INTEGER): Promise<unknown[]> {
  const events = await database.query<{
    position: string;
    employee_id: string;
    type: string;
    payload: Buffer;
    encoding: string;
  }>(`SELECT * FROM employee_events WHERE position <= ${upTo} ORDER BY position`);
  const employees = new Map<string, Record<string, unknown>>();
  for (const { position, employee_id, type, payload, encoding } of events) {
    const said = readPayload(payload, encoding) as Record<string, string>;
    const now = employees.get(employee_id) ?? { employee_id, events: 0, status: 'employed', left_on: null };
    if (type === 'hired') {
      const { name, title, office, on } = said;
      Object.assign(now, { name, title, office, hired_on: on, status: 'employed', left_on: null });
    }
    if (type === 'renamed') {
      now.name = said.name;
    }
    if (type === 'moved') {
      now.office = said.office;
    }
    if (type === 'promoted') {
      now.title = said.title;
    }
    if (type === 'left') {
      Object.assign(now, { status: 'left', left_on: said.on });
    }
    employees.set(employee_id, { ...now, events: Number(now.events) + 1, last_position: Number(position) });
  }
  return [...employees.values()].sort((a, b) => (String(a.employee_id) < String(b.employee_id) ? -1 : 1));
}

const projected = async () =>
  (
    await database.query(`SELECT employee_id, name, title, office, status, hired_on::text, left_on::text, events,
      last_position::int FROM employee_projection ORDER BY employee_id::text`)
  ).map((row) => row);

async function expectEquivalent(when = ''): Promise<void> {
  expect(await projected(), when).toEqual(await folded());
}

describe('A rebuild', () => {
  it('makes what an independent fold of the log makes, of events in both forms', async () => {
    await append(3_000, 200);
    const replayed = await execution().run();
    expect(replayed).toMatchObject({ state: 'done', events: 3_000, projections: 200 });
    await expectEquivalent();
  });

  it('makes an empty projection of an empty log', async () => {
    await append(10, 10);
    await execution().run();
    await database.query('DELETE FROM employee_events');
    expect(await execution().run()).toMatchObject({ state: 'done', events: 0, projections: 0 });
    expect(await projected()).toEqual([]);
  });

  it('has all events that were appended meanwhile, and readers never see it half-built', async () => {
    await append(8_000, 400);
    await execution().run();
    let goesOn = true;
    const seen = new Set<number>();
    const read = async () => {
      while (goesOn) {
        const [row] = await database.query<{ rows: number }>(
          'SELECT count(*)::int AS rows FROM employee_projection',
        );
        seen.add(row?.rows ?? -1);
      }
    };
    const write = async () => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      for (let n = 0; goesOn; n += 1) {
        await client.query('BEGIN');
        await append(5, 5, client);
        if (n % 3 === 0) {
          await wait(30);
        }
        await client.query(n % 4 === 0 ? 'ROLLBACK' : 'COMMIT');
      }
      await client.end();
    };
    const others = [read(), write(), write(), write()];
    const replayed = await execution().run();
    const positions = await database.query<{ last: number }>(
      'SELECT max(last_position)::int AS last FROM employee_projection',
    );
    goesOn = false;
    await Promise.all(others);
    expect([...seen]).toEqual([400]);

    // Up to the swap, nothing is missing: an event of it with a lower position came in later than the rebuild ended.
    const last = positions[0]?.last ?? 0;
    const [counted] = await database.query<{ events: number }>(
      `SELECT count(*)::int AS events FROM employee_events WHERE position <= ${last}`,
    );
    expect(replayed.events).toBeGreaterThan(8_000);
    expect(counted?.events).toBeGreaterThanOrEqual(replayed.events);
    await execution().run();
    await expectEquivalent();
  });

  it('has the event of a transaction that took a low position and commits late', async () => {
    await append(1_000, 50);
    const late = new pg.Client({ connectionString: database.url });
    await late.connect();
    const rebuilding = execution();
    await rebuilding.prepare();
    let transactions = 0;
    between = async ({ path }) => {
      if (path !== '/BeginTransaction') {
        return;
      }
      transactions += 1;
      if (transactions !== 2) {
        return; // the one that looks again, once what the first has found is replayed
      }
      await late.query('BEGIN');
      await append(1, 1, late); // position 1001, seen by nobody yet
      await append(600, 50); // positions after it, for all to see
      setTimeout(() => void late.query('COMMIT').then(() => late.end()), 500);
    };
    expect(await rebuilding.replay()).toMatchObject({ events: 1_601 });
    await expectEquivalent();
  });

  it('ends while a writer never stops, who waits for seconds at most, and has all events up to its swap', async () => {
    await append(4_000, 100);
    let goesOn = true;
    let longestWait = 0;
    const write = async () => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      while (goesOn) {
        const begun = performance.now();
        await append(60, 60, client);
        longestWait = Math.max(longestWait, performance.now() - begun);
      }
      await client.end();
    };
    const writers = [write(), write(), write()];
    const replayed = await execution().run();
    const made = (await projected()) as { last_position: number }[];
    goesOn = false;
    await Promise.all(writers);
    const last = Math.max(...made.map((row) => row.last_position));
    const [counted] = await database.query<{ events: number }>(
      `SELECT count(*)::int AS events FROM employee_events WHERE position <= ${last}`,
    );
    expect(counted?.events).toBe(replayed.events);
    expect(made).toEqual(await folded(last));
    expect(longestWait).toBeLessThan(6_000);
  });

  describe('with more events before each of its transactions than fit in a swap', () => {
    let transactions: number;
    /** Between any two transactions, 600 events come; in so many of them a page takes longer than writers may wait. */
    const neverStops = (slow: number) => {
      transactions = 0;
      let pages = 0;
      let late = 0;
      const now = lambdaClock.now.bind(lambdaClock);
      vi.spyOn(lambdaClock, 'now').mockImplementation(() => now() + late);
      between = async ({ path, body }) => {
        if (path === '/BeginTransaction') {
          transactions += 1;
          // A rebuild that does not end would go on for ever.
          await append(transactions > 60 ? 1 : 600, 50);
        }
        if (body.includes('transactionId') && body.includes('INSERT INTO \\"employee_projection_rebuild')) {
          pages += 1;
          late += pages <= slow ? 3 : 0;
        }
      };
    };
    afterEach(() => {
      vi.mocked(lambdaClock.now).mockRestore();
    });

    it('ends in rounds that get shorter, and holds writers back once', async () => {
      await append(2_000, 50);
      const rebuilding = execution();
      await rebuilding.prepare();
      neverStops(0);
      // Of 2,600 events, of 600, and of 600 again, during which nobody appends.
      expect(await rebuilding.replay()).toMatchObject({ events: 3_800, projections: 50 });
      expect(transactions).toBe(3);
      await expectEquivalent();
    });

    it('keeps what it has replayed when the time is up, and holds them back again', async () => {
      await append(2_000, 50);
      const rebuilding = execution();
      await rebuilding.prepare();
      neverStops(4);
      // 500 of 600, 500 of 700, and so on, until there is time for all.
      expect(await rebuilding.replay()).toMatchObject({ events: 2_000 + 7 * 600, projections: 50 });
      expect(transactions).toBe(7);
      await expectEquivalent();
    });

    it('fails when that was in vain ten times, and leaves the old projection', async () => {
      await append(2_000, 50);
      await execution().run();
      const before = await projected();
      const rebuilding = execution();
      await rebuilding.prepare();
      neverStops(Number.POSITIVE_INFINITY);
      await expect(rebuilding.replay()).rejects.toMatchObject({
        name: 'MigrationFailed',
        message: expect.stringMatching(
          /more events are appended to employee_events than can be replayed: up to \d+ are left after its writers were held back 10 times for 2 s\. Start/,
        ),
      });
      expect(await projected()).toEqual(before);
    });
  });

  it('lets nobody append between its last look at the log and its swap', async () => {
    await append(100, 10);
    let appended = false;
    let appending: Promise<unknown> = Promise.resolve();
    between = async ({ body }) => {
      if (!body.includes('DROP TABLE \\"employee_projection\\"')) {
        return;
      }
      appending = append(1, 1).then(() => {
        appended = true;
      });
      await wait(100);
      expect(appended).toBe(false);
    };
    await execution().run();
    await appending;
    expect(appended).toBe(true);
  });

  it('keeps grants, index names and what the table is like', async () => {
    const role = `reader_${database.name}`;
    await database.query(`CREATE ROLE ${role}`);
    await database.query(`GRANT SELECT, INSERT ON employee_projection TO ${role} WITH GRANT OPTION`);
    await database.query('GRANT SELECT ON employee_projection TO PUBLIC');
    await database.query(`COMMENT ON COLUMN employee_projection.name IS 'as they say it'`);
    await database.query('CREATE INDEX by_id ON employee_projection (employee_id)');
    await database.query('CREATE INDEX by_id_again ON employee_projection (employee_id)');
    await append(100, 10);
    const shape = () =>
      database.query(`SELECT
        (SELECT json_agg(i ORDER BY i.indexname) FROM (SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'employee_projection') AS i) AS indexes,
        (SELECT json_agg(g ORDER BY g) FROM (SELECT grantee, privilege_type, is_grantable FROM information_schema.role_table_grants WHERE table_name = 'employee_projection') AS g) AS grants,
        (SELECT json_agg(c ORDER BY c.conname) FROM (SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = 'employee_projection'::regclass) AS c) AS constraints,
        (SELECT json_agg(a ORDER BY a.attnum) FROM (SELECT attnum, attname, atttypid::regtype::text, attnotnull, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'employee_projection'::regclass AND attnum > 0) AS a) AS columns`);
    const before = await shape();
    await execution().run();
    await execution().run();
    expect(await shape()).toEqual(before);
    await database.query('DROP INDEX by_id, by_id_again');
    await database.query(`DROP OWNED BY ${role}`);
    await database.query(`DROP ROLE ${role}`);
  });

  it.each([
    [
      'foreign keys',
      'CREATE TABLE pays (employee_id uuid REFERENCES employee_projection)',
      'DROP TABLE pays',
    ],
    [
      'triggers',
      'CREATE TRIGGER noisy BEFORE UPDATE ON employee_projection FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
      'DROP TRIGGER noisy ON employee_projection',
    ],
    [
      'views on it',
      'CREATE VIEW offices AS SELECT DISTINCT office FROM employee_projection',
      'DROP VIEW offices',
    ],
    [
      'row security policies',
      'CREATE POLICY all_rows ON employee_projection USING (true)',
      'DROP POLICY all_rows ON employee_projection',
    ],
    [
      'grants on columns',
      'GRANT SELECT (name) ON employee_projection TO PUBLIC',
      'REVOKE SELECT (name) ON employee_projection FROM PUBLIC',
    ],
    [
      'publications',
      'CREATE PUBLICATION everything FOR TABLE employee_projection',
      'DROP PUBLICATION everything',
    ],
    [
      'storage parameters',
      'ALTER TABLE employee_projection SET (fillfactor = 70)',
      'ALTER TABLE employee_projection RESET (fillfactor)',
    ],
  ])('refuses a table with %s, which a swap would lose', async (what, make, unmake) => {
    await append(10, 10);
    await database.query(make);
    try {
      await expect(execution().run()).rejects.toThrow(
        `employee_projection has ${what}, which swapping in a fresh table would lose; take them off it`,
      );
    } finally {
      await database.query(unmake);
    }
    expect(await projected()).toEqual([]);
  });

  it('that meets an event which makes no sense names it, and leaves the old projection', async () => {
    await append(20, 10);
    await execution().run();
    const before = await projected();
    await database.query(`INSERT INTO employee_events (employee_id, type, payload, occurred_at)
      VALUES (gen_random_uuid(), 'moved', '{}', now())`);
    await expect(execution().run()).rejects.toThrow(
      /the event at position 21 of employee_events \(employee_id [0-9a-f-]{36}\) cannot be applied: "moved" of an employee who was never hired\. Correct the event/,
    );
    expect(await projected()).toEqual(before);
  });
});

describe('A rebuild, whatever happens to its calls,', () => {
  interface Trouble {
    readonly attempts: number;
    readonly fault: Fault;
    /** Every call, or some: what they do to a rebuild differs little. */
    readonly step: number;
  }
  const troubles: Record<string, Trouble> = {
    'that is refused': { attempts: 1, fault: 'refuse', step: 4 },
    'that loses its answer': { attempts: 1, fault: 'lose-answer', step: 2 },
    'that loses its answer before an SDK that sends again': { attempts: 3, fault: 'lose-answer', step: 4 },
  };

  it.each(Object.entries(troubles))('ends with the whole projection: a call %s', async (_, trouble) => {
    await append(540, 30);
    let count = 0;
    between = () => {
      count += 1;
      return undefined;
    };
    await execution().run();
    await expectEquivalent();
    count = 0;
    await execution(trouble).run();
    const calls = count;
    expect(calls).toBeGreaterThan(20);
    const whole = await projected();
    for (let number = 1; number <= calls; number += trouble.step) {
      await database.query('UPDATE employee_projection SET events = -1');
      count = 0;
      let what = '';
      between = ({ body }) => {
        count += 1;
        if (count !== number) {
          return undefined;
        }
        what = body.slice(0, 1_000);
        return trouble.fault;
      };
      const replayed = await execution(trouble).run();
      expect(replayed, what).toMatchObject({ state: 'done', events: 540, projections: 30 });
      expect(await projected(), what).toEqual(whole);
    }
  });

  it('ends with the whole projection when two executions rebuild at once: the later one goes on', async () => {
    await append(4_000, 100);
    for (const lag of [0, 30, 60, 120]) {
      const [one, two] = [execution(), execution()];
      await one.prepare();
      const first = one.replay().catch((error: Error) => error);
      await wait(lag);
      await two.prepare();
      expect(await two.replay()).toMatchObject({ state: 'done', events: 4_000, projections: 100 });
      const ended = await first;
      if (ended instanceof Error) {
        expect(ended).toMatchObject({ name: 'Superseded' });
      }
      await expectEquivalent();
    }
  });

  it('is done for whoever asks, when a zombie of the same execution goes on beside it', async () => {
    await append(3_000, 100);
    for (const lag of [0, 10, 40, 80]) {
      const rebuilding = execution();
      await rebuilding.prepare();
      const zombie = rebuilding.replayOnce();
      await wait(lag);
      expect(await rebuilding.replay()).toMatchObject({ state: 'done', events: 3_000, projections: 100 });
      await zombie;
      await expectEquivalent();
    }
  });
});
