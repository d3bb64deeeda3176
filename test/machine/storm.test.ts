import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Background, Result } from '../../functions/contract.ts';
import { executionName } from '../../functions/engine/ledger/execution-names.ts';
import { demoSql } from '../support/demo.ts';
import type { Fault, ProxiedCall } from '../support/fault-proxy.ts';
import { type Ended, startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import { graves, type Row, type Storm, seeded, storm } from '../support/storm.ts';
import { type Damage, damage } from '../support/storm-damage.ts';
import { type StormedTable, tables } from './fixtures/storm-tables.ts';

const rows = Number(process.env.STORM_ROWS ?? 2_000);
const slicesPerExecution = 6;
/** By which the storms and the faults can be had again, though not how they meet. */
const seed = Number(process.env.STORM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const undamaged: Damage = { lost: [], resurrected: [], undone: [], changedTwice: [] };

const migrations = Object.entries(tables).flatMap(([table, { migrations: some }]) =>
  Object.entries(some).map(([name, migration]) => ({ ...migration, name, table })),
);
const names = migrations.map(({ name }) => name);

let chain: TestRuntime;
const storms = new Map<string, Storm>();
/** The migrations whose batches were asked for, in their order. */
const slices: string[] = [];
/** What looks have found: where a migration is at work in each table, and by how much the counter of each of its lives was off the rows. */
const seen = {
  cursors: new Map<string, number>(),
  differences: new Map<string, Set<number>>(),
  /** Which lanes have been at work, as "documents 2". */
  lanes: new Set<string>(),
};
let watching: NodeJS.Timeout;

/** What the tests look at, as it was when it was. */
interface Facts {
  readonly releases: Ended[];
  /** For each of the first releases: its end found the probe still running. */
  readonly probeRanOn: boolean[];
  rival?: Ended;
  /** What the first release left of its own table. */
  accounts?: { readonly codes: unknown; readonly damage: Damage };
  restored?: {
    readonly ended: Ended;
    readonly damage: Damage;
    readonly line: unknown;
    readonly journal: number;
  };
  /** What the migrations of one table did in their order: as the history has it, and their slices. */
  turns?: { readonly history: readonly string[]; readonly slices: readonly string[] };
  idle?: { readonly result: unknown; readonly calls: readonly string[] };
}
const facts: Facts = { releases: [], probeRanOn: [] };

beforeAll(async () => {
  const environment = { SLICES_PER_EXECUTION: String(slicesPerExecution), BACKGROUND_AT_ONCE: '3' };
  chain = await startTestRuntime({ fixture: 'storm', secondMs: 15, environment });
  await chain.database.query(`${await demoSql('schema')}; ${graves}`);
  for (const [name, table] of Object.entries(tables)) {
    storms.set(name, await filled(name, table));
  }
  // The one row that is invalid once it is migrated, which is the test's own.
  await chain.database.query('INSERT INTO documents (id) VALUES (0)');
  await amount('-1');
  await story();
}, 600_000);
afterAll(async () => {
  clearInterval(watching);
  await Promise.all([...storms.values()].map((each) => each.end()));
  await chain.close();
});

/** Makes a stormed table and its rows, of which a bad one has a key that the application does not write. */
async function filled(name: string, table: StormedTable): Promise<Storm> {
  await chain.database.query(`CREATE TABLE ${name} (id integer PRIMARY KEY, born integer GENERATED ALWAYS AS IDENTITY,
    writes integer NOT NULL DEFAULT 1, ${table.columns})`);
  const made = storm({
    ...table,
    table: name,
    url: chain.database.url,
    lastKey: rows * 10,
    near: () => seen.cursors.get(name) ?? 0,
    seed: seed + storms.size * 1_000,
  });
  await chain.database.query(`
    INSERT INTO ${name} (id) SELECT n * 10 FROM generate_series(1, ${rows}) AS n;
    UPDATE ${name} SET id = -1, ${table.bad} WHERE id = 10`);
  made.record(await rowsNow(name));
  return made;
}

const amount = (value: string) =>
  chain.database.query(
    `UPDATE documents SET document = '{"form": "old", "amount": "${value}", "value": 0}' WHERE id = 0`,
  );

/** What happens: three releases under storms, one after them, and what is to be done by hand then. */
async function story(): Promise<void> {
  const of = (table: string) => storms.get(table) as Storm;
  for (const each of storms.values()) {
    each.begin();
  }
  watching = setInterval(() => void look().catch(() => undefined), 400);
  const probe = holdProbe();
  chain.between.call = unreliable();

  // While the first release is at its own table, the next one is deployed, and somebody else starts a run.
  const first = await chain.start();
  await reached('accounts', 3);
  chain.release('storm-next', '2');
  facts.rival = await chain.run();
  await released(first);
  await of('accounts').end();
  const codes = await chain.database.query('SELECT DISTINCT code FROM accounts ORDER BY 1');
  facts.accounts = { codes, damage: await damageOf('accounts') };

  // What was stopped in the background is started again by the second release, and goes on until its data is found invalid.
  await reached('documents', stoppedAfter);
  await released(await chain.start());
  probe.letGo();
  const ended = await chain.ended(background('documents').execution);
  await Promise.all([...storms.values()].map((each) => each.end()));
  facts.restored = { ended, ...(await restored()) };

  // That is put right, and the third release begins anew.
  await amount('1');
  of('documents').begin();
  facts.releases.push(await chain.run());
  await untilQuiet();
  await of('documents').end();

  // In the quiet, what was left is done, then the rows that were bad and are not any more; and then there is nothing to do.
  chain.between.call = undefined;
  await chain.run();
  await untilQuiet();
  facts.turns = { history: await turns(), slices: [...slices] };
  for (const retry of names) {
    expect(await chain.run({ retry })).toMatchObject({ status: 'SUCCEEDED' });
  }
  clearInterval(watching);
  await look();
  facts.idle = await idle();
}

// Of the documents, which then have some thousand changes of rows behind them, and more before them.
const stoppedAfter = 8;

/**
 * Holds the slices of the probe after its first until they are let go: nobody may wait for it. Stops the execution of the documents in
 * a slice that goes on. Counts all slices.
 */
function holdProbe(): { letGo(): void } {
  let letGo = () => {};
  const untilLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  chain.between.invocation = async (request, invoke) => {
    if (request.operation === 'batches' || request.operation === 'lane') {
      slices.push(request.migration);
      if (request.migration === 'probe' && slicesOf('probe') > 1) {
        await untilLetGo;
      }
      if (request.migration === 'documents' && slicesOf('documents') === stoppedAfter) {
        await chain.stop(request.run.execution_arn);
      }
    }
    return invoke();
  };
  return { letGo };
}

const slicesOf = (migration: string) => slices.filter((name) => name === migration).length;

const reached = (migration: string, count: number) =>
  vi.waitUntil(() => slicesOf(migration) >= count, { timeout: 300_000 });

/**
 * A network that loses, doubles and delays calls, most batches of the probe and all cuts among them; and once all workers die in the middle of a batch
 * of documents, whose statement arrives after that.
 */
function unreliable(): (call: ProxiedCall) => Fault {
  const random = seeded(seed);
  const batches = { counters: 0, documents: 0 };
  let cuts = 0;
  return ({ body }) => {
    const isBatchOf = (table: string) =>
      body.includes(`UPDATE \\"public\\".\\"${table}\\" SET \\"`) && !body.includes('transactionId');
    if (isBatchOf('documents') && ++batches.documents === 4) {
      void chain.crash();
      return { delayMs: 200 };
    }
    if (isBatchOf('counters') && body.includes('value + 1')) {
      return (['pass', 'duplicate', 'lose-answer'] as const)[batches.counters++ % 3] ?? 'pass';
    }
    // Whoever cuts what is ahead into ranges sends that twice, and only the second answer arrives.
    if (body.includes('cut#')) {
      return cuts++ % 2 === 0 ? 'lose-answer' : 'pass';
    }
    const chance = random(100);
    if (chance < 4) {
      return chance < 2 ? 'lose-answer' : 'duplicate';
    }
    return chance < 8 ? { delayMs: random(100) } : 'pass';
  };
}

/** Waits for a release to end, and looks whether the probe goes on beyond it. */
async function released(release: string): Promise<void> {
  facts.releases.push(await chain.ended(release));
  const { status } = await chain.describe(background('probe').execution);
  facts.probeRanOn.push(status === 'RUNNING');
}

/** What the last release says of a migration that it has left to the background. */
function background(migration: string): Background {
  const { result, cause } = facts.releases.at(-1) as Ended;
  expect(result?.[migration] as Result, cause).toMatchObject({ state: 'background' });
  return result[migration] as Background;
}

/** Waits until nothing goes on in the background any more. */
async function untilQuiet(): Promise<void> {
  for (const execution of await chain.executions(chain.migrationsMachineArn)) {
    await chain.ended(execution);
  }
}

/** All rows that ever were in a table, as a FROM clause. */
const everyRow = (table: string) => `(
  SELECT to_jsonb(t) AS row FROM ${table} t UNION ALL SELECT row FROM graves WHERE was_in = '${table}') AS every_row`;

/** Compares, in one snapshot, the counter of each migration with the rows that it has changed and not put back. */
async function look(): Promise<void> {
  const changed = migrations.map(
    ({ name, table, timesInSql }) =>
      `WHEN '${name}' THEN (SELECT sum(${timesInSql}) FROM ${everyRow(table)})`,
  );
  const ranges = await chain.database.query<{ migration: string; lane: number }>(
    'SELECT migration, lane FROM data_migrations.ranges WHERE claim IS NOT NULL',
  );
  for (const { migration, lane } of ranges) {
    seen.lanes.add(`${migration} ${lane}`);
  }
  const lines = await chain.database.query<{
    name: string;
    life: string;
    cursor: number | null;
    difference: number;
  }>(`
    SELECT name, started_at::text AS life, 
      CASE WHEN status IN ('running', 'restoring') THEN COALESCE(restore -> 'cursor' ->> 0, (
        SELECT r.cursor ->> 0 FROM data_migrations.ranges r WHERE migration = name AND r.claim IS NOT NULL ORDER BY random() LIMIT 1
      ), cursor ->> 0)::int END AS cursor,
      (total_updated - COALESCE((restore ->> 'restored')::int, 0) - CASE name ${changed.join(' ')} END)::int AS difference
    FROM data_migrations.migrations`);
  for (const { name, life, cursor, difference } of lines) {
    const { table } = migrations.find((each) => each.name === name) as (typeof migrations)[number];
    seen.cursors.set(table, cursor ?? seen.cursors.get(table) ?? 0);
    const of = `${name} since ${life}`;
    seen.differences.set(of, new Set([...(seen.differences.get(of) ?? []), difference]));
  }
}

const rowsNow = async (table: string) => {
  const found = await chain.database.query<{ row: Row }>(
    `SELECT to_jsonb(t) AS row FROM ${table} t WHERE id <> 0`,
  );
  return found.map(({ row }) => row);
};

async function damageOf(table: string, { areRestored = false } = {}): Promise<Damage> {
  const changes = migrations.filter((each) => each.table === table).flatMap((each) => each.changes);
  return damage(storms.get(table) as Storm, await rowsNow(table), changes, { areRestored });
}

async function restored() {
  const [line] = await chain.database.query(`
    SELECT status, (restore ->> 'restored')::int AS restored, (restore ->> 'left')::int AS left
    FROM data_migrations.migrations WHERE name = 'documents'`);
  const journal = await chain.database.query('SELECT FROM data_migrations.undo_documents');
  return { line, journal: journal.length, damage: await damageOf('documents', { areRestored: true }) };
}

const turns = async () => {
  const found = await chain.database.query<{ what: string }>(`
    SELECT event || ' ' || migration AS what FROM data_migrations.history
    WHERE migration IN ('probe', 'labels') AND event IN ('begun', 'finished') ORDER BY id`);
  return found.map(({ what }) => what);
};

const withoutRepeats = (list: readonly string[]) => list.filter((each, i) => each !== list[i - 1]);

/** A run that has nothing to do. */
async function idle() {
  const calls: string[] = [];
  chain.between.call = ({ body }) => {
    calls.push(body);
    return 'pass';
  };
  const { result } = await chain.run();
  return { result, calls };
}

describe(`two migrations in the background and a release at work on three tables under storms (seed ${seed})`, () => {
  test('promise 1: the counter of a migration is the number of rows that it has changed, whenever somebody looks', () => {
    const off = [...seen.differences].filter(([, { size }]) => size > 1);
    expect(off).toEqual([]);
    const firstLives = names.map((name) => [...seen.differences].find(([life]) => life.startsWith(name)));
    expect(firstLives.map((life) => life?.[1])).toEqual(names.map(() => new Set([0])));
  });

  test.each(Object.entries(tables))(
    'promises 2 and 3: no write to %s is lost or undone, and no row changed twice',
    async (name, { touchesInSql }) => {
      expect(await damageOf(name)).toEqual(undamaged);
      const lost = `SELECT row FROM ${everyRow(name)} WHERE ${touchesInSql} <> (row ->> 'touches')::int`;
      expect(await chain.database.query(lost)).toEqual([]);
      const written = [...(storms.get(name)?.written.values() ?? [])].flat();
      expect(written.length - rows).toBeGreaterThan(500);
    },
  );

  test('promise 4: another run is refused, and told which one goes on', () => {
    expect(facts.rival).toMatchObject({ status: 'FAILED', error: 'MigrationsAlreadyRunning' });
    expect(facts.rival?.cause).toContain(`the run ${facts.releases[0]?.executionArn} holds the ledger`);
  });

  test('promise 5: what was stopped goes on from its checkpoint', async () => {
    const events = await chain.database.query<{ event: string; detail: string | null }>(`
      SELECT event, detail FROM data_migrations.history WHERE migration = 'documents'
        AND event IN ('begun', 'run found ended', 'restored') ORDER BY id LIMIT 4`);
    expect(events).toMatchObject([
      { event: 'begun', detail: null },
      { event: 'run found ended' },
      { event: 'begun', detail: expect.stringMatching(/^from row \d+$/) },
      { event: 'restored' },
    ]);
  });

  test.each(migrations)(
    'promise 6: of the rows of $name, just those that cannot be changed are left, and recorded',
    async ({ name, table, changes, isBad, goesByCursor = false }) => {
      const found = await rowsNow(table);
      const own = goesByCursor ? found.filter(({ born }) => born <= rows) : found;
      expect(own.filter((row) => changes.some(({ make }) => make(row) !== undefined))).toEqual([]);
      const keys = await chain.database.query<{ id: number }>(
        'SELECT (key ->> 0)::int AS id FROM data_migrations.row_errors WHERE migration = $1',
        [name],
      );
      const recorded = new Set(keys.map(({ id }) => id));
      expect(own.filter((row) => isBad(row) && !recorded.has(row.id))).toEqual([]);
      const bad = new Set(found.filter(isBad).map(({ id }) => id));
      expect([...recorded].filter((id) => !bad.has(id))).toEqual([]);
      const [line] = await chain.database.query(
        `SELECT status, (result ->> 'errors')::int AS errors FROM data_migrations.migrations WHERE name = $1`,
        [name],
      );
      expect(line).toEqual({ status: 'finished', errors: recorded.size });
      expect(recorded.size).toBeGreaterThan(0);
    },
  );

  test('promise 7: one follow-up job for each time that the probe was done, after a run that succeeded', async () => {
    const done = await chain.database.query(`
      SELECT FROM data_migrations.history WHERE migration = 'probe' AND event IN ('finished', 'row errors retried')`);
    const rebuilds = await chain.executions(chain.rebuildMachineArn);
    expect(rebuilds).toHaveLength(done.length);
    for (const rebuild of rebuilds) {
      const { status, input = '' } = await chain.ended(rebuild);
      const run = await chain.describe(JSON.parse(input).AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID);
      expect([status, run.status]).toEqual(['SUCCEEDED', 'SUCCEEDED']);
      expect(executionName(rebuild)).toBe(run.name);
      const prepared = (await chain.history(rebuild)).find(
        ({ stateEnteredEventDetails: entered }) => entered?.name === 'Prepare rebuild',
      );
      expect(Number(prepared?.timestamp)).toBeGreaterThanOrEqual(Number(run.stopDate));
    }
  });

  test('promise 8: a failed validation leaves each row as the last write left it, and says what it left', () => {
    const { ended, line, journal, damage: found } = facts.restored as NonNullable<Facts['restored']>;
    expect(found).toEqual(undamaged);
    const { restored: put } = line as { restored: number };
    expect(line).toEqual({ status: 'restored', restored: put, left: journal });
    expect(ended).toMatchObject({ status: 'FAILED', error: 'ValidationFailed' });
    expect(ended.cause).toContain(
      `${put} of the rows that it had changed were put back, and ${journal} left`,
    );
    expect(Math.min(put, journal)).toBeGreaterThan(100);
  });

  test('promise 9: no execution has more than its share of slices, nor much in its state', async () => {
    const executions = await chain.executions(chain.migrationsMachineArn);
    expect(executions.filter((arn) => arn.includes('-part-')).length).toBeGreaterThan(8);
    for (const execution of executions) {
      const history = await chain.history(execution);
      expect(history.length).toBeLessThan(500);
      expect(Math.max(...history.map((event) => JSON.stringify(event).length))).toBeLessThan(10_000);
    }
  });

  test('promise 10: the release keeps its code, although another was deployed in its middle', () => {
    expect(facts.accounts?.codes).toContainEqual({ code: 1 });
    expect(facts.accounts?.codes).not.toContainEqual({ code: 2 });
    expect(facts.accounts?.damage).toEqual(undamaged);
  });

  test('promise 11: a run with nothing to do asks a few questions, and changes no row', () => {
    expect(facts.idle?.result).toEqual(Object.fromEntries(names.map((name) => [name, 'skipped'])));
    expect(facts.idle?.calls.filter((body) => body.includes('UPDATE \\"public\\"'))).toEqual([]);
    expect(facts.idle?.calls.length).toBeLessThan(60);
  });

  test('promise 13: each release ends, successfully, without waiting for what goes on in the background', () => {
    expect(facts.releases.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
    expect(facts.probeRanOn).toEqual([true, true]);
  });

  test('several lanes were at work: of a backfill in one invocation, of a rewrite each in its own', () => {
    const expected = ['documents', 'probe'].flatMap((name) => [`${name} 0`, `${name} 1`, `${name} 2`]);
    expect([...seen.lanes].sort()).toEqual(expected);
  });

  test('the migrations of one table take turns: none has a slice between the begin and the end of another', () => {
    const { history = [], slices: all = [] } = facts.turns ?? {};
    const begun = history.filter((event) => event.startsWith('begun '));
    expect(history).toEqual(begun.flatMap((event) => [event, event.replace('begun', 'finished')]));
    expect(new Set(begun).size).toBe(2);
    const own = all.filter((name) => name === 'probe' || name === 'labels');
    expect(withoutRepeats(own)).toEqual(withoutRepeats(begun.map((event) => event.replace('begun ', ''))));
  });
});
