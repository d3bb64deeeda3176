import { expect } from 'vitest';
import type { RunInput } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { identifier, sql } from '../../../functions/engine/database/sql.ts';
import { pause, tune, unpause } from '../../../functions/engine/ledger/controls.ts';
import { lockOf } from '../../../functions/engine/ledger/run-lock.ts';
import type { Call, TestEngine } from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';
import { Killed } from '../../support/lambda-process.ts';
import { Execution } from './execution.ts';

/** What becomes of an invocation at one of its calls to the database. */
export const mishaps = [
  /** The call is done, and the process dies before it hears of it. */
  'dies after',
  /** The process dies, and the call never arrives. */
  'dies before',
  /** Step Functions gives up waiting for the process, which is stuck in this call: it goes on some time later. */
  'is late',
  /** The call is done, and its answer gets lost: the SDK sends it again where it may. */
  'loses the answer',
  /** The call arrives twice at once, and has to wait for rows that the application has locked. */
  'is doubled',
  /** The database ends every session. */
  'loses all sessions',
] as const;
export interface Mishap {
  readonly what: (typeof mishaps)[number];
  /** At which of its calls, from 0, or at the first that changes rows. */
  readonly at: number | 'batch';
}

/** A call that has not arrived yet, of a process that nobody waits for any more. */
interface Late {
  readonly migration: string | undefined;
  /** It changes rows, under this claim. */
  readonly claim: string | null | undefined;
  arrive(): Promise<void>;
}

/** Each adds 1 to its column of every row. Two of them change the same table, and the last is not one for the background. */
const tables = { a: 'shared', b: 'shared', c: 'second', d: 'third', e: 'fourth' } as const;
export type Name = keyof typeof tables;
export const names = Object.keys(tables) as Name[];
const rows = 9;
const allowedAtOnce = 2;

const migrations = names.map((name) =>
  backfill({
    name,
    table: tables[name],
    key: 'id',
    immutableKey: true,
    set: { [name]: sql`${identifier(name)} + 1` },
    background: name !== 'e',
    // One batch in a slice: the rest after it is too long for a function to wait.
    pace: { maxRows: 3, restSeconds: 30 },
  }),
);

interface Line {
  readonly name: Name;
  readonly status: string | null;
  readonly claim: string | null;
  readonly run: string | null;
  readonly run_status: string | null;
  readonly lock: string | null;
  readonly total_processed: number;
  readonly total_updated: number;
  /** Rows that were changed once, and those that were changed more often. */
  readonly once: number;
  readonly more: number;
}

const isBatch = ({ sql: text }: Call): boolean => /"moved#"/.test(text);

/** Everything that is real: the function's code, a PostgreSQL, and between them whatever goes wrong. */
export class World {
  readonly executions: Execution[] = [];
  readonly late: Late[] = [];
  readonly #engine: TestEngine;
  readonly #paused = new Set<Name>();
  /** The versions that were deployed: the migrations of each. */
  readonly #deployed: (readonly (typeof migrations)[number][])[] = [migrations];
  readonly #inTheWay = new Map<number, (call: Call) => Fault | Promise<Fault>>();

  private constructor(engine: TestEngine) {
    this.#engine = engine;
  }

  /** Begins with untouched tables and an empty ledger. `sent` may change the text of a statement: to put a fault in on purpose. */
  static async begin(engine: TestEngine, sent?: (statement: string) => string): Promise<World> {
    const world = new World(engine);
    await engine.forget();
    await engine.database.query('TRUNCATE data_migrations.controls, data_migrations.history');
    await engine.database.query(`
      DROP TABLE IF EXISTS ${[...new Set(Object.values(tables))].join(', ')};
      CREATE TABLE shared AS SELECT n AS id, 0 AS a, 0 AS b FROM generate_series(1, ${rows}) AS n;
      CREATE TABLE second AS SELECT n AS id, 0 AS c FROM generate_series(1, ${rows}) AS n;
      CREATE TABLE third AS SELECT n AS id, 0 AS d FROM generate_series(1, ${rows}) AS n;
      CREATE TABLE fourth AS SELECT n AS id, 0 AS e FROM generate_series(1, ${rows}) AS n`);
    for (const table of new Set(Object.values(tables))) {
      await engine.database.query(`ALTER TABLE ${table} ADD PRIMARY KEY (id)`);
    }
    engine.between = async (call) => {
      const fault = await world.#inTheWay.get(call.process.number)?.(call);
      if (sent === undefined || (fault !== undefined && fault !== 'pass' && fault !== 'duplicate')) {
        return fault;
      }
      const body = JSON.parse(call.body) as { sql?: string };
      const instead = JSON.stringify({ ...body, ...(body.sql !== undefined && { sql: sent(body.sql) }) });
      return fault === 'duplicate' ? { instead, twice: true } : { instead };
    };
    return world;
  }

  get running(): Execution[] {
    return this.executions.filter(({ status }) => status === 'RUNNING');
  }

  start(input: RunInput): void {
    const execution = new Execution(`x${this.executions.length + 1}`, input);
    this.executions.push(execution);
    this.#engine.executions.set(execution.arn, 'RUNNING');
  }

  /** Lets an execution enter its next state; returns once the function has answered or nobody waits for it any more. */
  async step(execution: Execution, mishap?: Mishap): Promise<void> {
    const request = execution.request();
    execution.code ??= this.#deployed.length;
    const process = this.#process(execution.code);
    let calls = 0;
    if (mishap !== undefined) {
      this.#inTheWay.set(process.number, async (call) => {
        const isNow = mishap.at === 'batch' ? isBatch(call) : calls === mishap.at;
        calls += 1;
        return isNow ? this.#happens(mishap.what, call, execution) : 'pass';
      });
    }
    try {
      const answer = await process.invoke(request);
      this.#expectNoWaiting(execution, request.operation, answer);
      execution.answered(request, answer, (input) => this.start(input));
    } catch (error) {
      await this.#failed(execution, error as Error);
    } finally {
      if (mishap?.what !== 'is late') {
        this.#inTheWay.delete(process.number);
      }
    }
    this.#engine.executions.set(execution.arn, execution.status);
  }

  stop(execution: Execution): void {
    execution.stop();
    this.#engine.executions.set(execution.arn, 'ABORTED');
  }

  redrive(execution: Execution): void {
    execution.redrive();
    this.#engine.executions.set(execution.arn, 'RUNNING');
  }

  async pause(name: Name): Promise<void> {
    await pause(this.#engine.dataApi(), name, 'ada', undefined);
    this.#paused.add(name);
  }

  async resume(name: Name): Promise<void> {
    await unpause(this.#engine.dataApi(), name, 'ada');
    this.#paused.delete(name);
  }

  async tune(name: Name, restSeconds: number): Promise<void> {
    await tune(this.#engine.dataApi(), name, 'ada', { restSeconds });
  }

  /** Puts out a release that registers all migrations, or all but the first. */
  deploy(all: boolean): void {
    this.#deployed.push(all ? migrations : migrations.slice(1));
  }

  get isFirstRegistered(): boolean {
    return this.#deployed.at(-1) === migrations;
  }

  /** What came too late arrives now: the rows of a migration that somebody else has claimed since stay as they are. */
  async arrives(): Promise<void> {
    const late = this.late.shift();
    if (late === undefined) {
      return;
    }
    const before = await this.#lines();
    await late.arrive();
    await this.#engine.settled();
    const line = before.find(({ name }) => name === late.migration);
    if (line !== undefined && late.claim !== undefined && line.claim !== late.claim) {
      const after = (await this.#lines()).find(({ name }) => name === late.migration);
      expect(after, 'promise 4: a stale invocation cannot write').toEqual(line);
    }
  }

  /** What must be true whenever nobody is at work. */
  async check(): Promise<void> {
    const lines = await this.#lines();
    for (const { name, once, more, total_processed, total_updated } of lines) {
      expect({ name, more }, 'promise 2: a row is changed at most once').toEqual({ name, more: 0 });
      expect({ name, total_processed, total_updated }, 'promise 1: rows and checkpoint together').toEqual({
        name,
        total_processed: once,
        total_updated: once,
      });
    }
    const atWork = lines.filter(
      ({ status, run, run_status }) =>
        status === 'running' && run_status === 'running' && this.#statusOf(run) === 'RUNNING',
    );
    // A run in the foreground takes over what is in its way, and is at one after the other.
    const busy = new Map(atWork.map(({ name, run }) => [`${tables[name]} by ${run}`, tables[name]]));
    const busyTables = [...busy.values()];
    expect(busyTables, 'one run at a time for each table').toEqual([...new Set(busyTables)]);
    const inBackground = atWork.filter(({ lock, name }) => lock === `background:${name}`);
    expect(inBackground.length, 'at once in the background').toBeLessThanOrEqual(allowedAtOnce);
    for (const execution of this.executions.filter(({ status }) => status === 'SUCCEEDED')) {
      this.#expectDone(execution, lines);
    }
  }

  /** Ends it all well: whatever was left behind, a run in the foreground finishes everything. */
  async end(): Promise<void> {
    while (this.late.length > 0) {
      await this.arrives();
    }
    for (const name of names) {
      await this.resume(name);
    }
    for (const execution of this.running) {
      this.stop(execution);
    }
    this.deploy(true);
    this.start({ mode: 'foreground' });
    const last = this.executions.at(-1) as Execution;
    for (let steps = 0; last.status === 'RUNNING'; steps += 1) {
      expect(steps, 'the last run comes to its end').toBeLessThan(100);
      await this.step(last);
    }
    expect({ status: last.status, error: last.error }).toEqual({ status: 'SUCCEEDED', error: '' });
    await this.check();
    const lines = await this.#lines();
    expect(lines.map(({ name, status, once }) => ({ name, status, once }))).toEqual(
      names.map((name) => ({ name, status: 'finished', once: rows })),
    );
    await this.#expectHistory();
  }

  #process(code: number) {
    const version = String(code);
    return this.#engine.process(this.#deployed[code - 1] ?? [], {
      version,
      slicesPerExecution: 4,
      attempts: 2,
    });
  }

  async #happens(what: Mishap['what'], call: Call, execution: Execution): Promise<Fault> {
    switch (what) {
      case 'dies before':
        call.process.kill();
        await this.#endOpenTransactions();
        return 'refuse';
      case 'dies after':
        queueMicrotask(() => call.process.kill());
        return 'lose-answer';
      case 'is late':
        return this.#isLate(call, execution);
      case 'loses the answer':
        return 'lose-answer';
      case 'is doubled':
        await this.#lockRows(50);
        return 'duplicate';
      case 'loses all sessions':
        await this.#endSessions('true');
        return 'pass';
    }
  }

  async #isLate(call: Call, execution: Execution): Promise<Fault> {
    const migration = execution.migrating;
    const line = (await this.#lines()).find(({ name }) => name === migration);
    const arrived = new Promise<Fault>((resolve) => {
      this.late.push({
        migration,
        claim: isBatch(call) ? line?.claim : undefined,
        arrive: async () => {
          resolve('pass');
          await this.#engine.settled();
          this.#inTheWay.delete(call.process.number);
        },
      });
    });
    call.process.abandon();
    if (call.inTransaction) {
      await this.#endOpenTransactions();
    }
    return arrived;
  }

  /** Locks all rows, as the application might, until so many milliseconds have passed. */
  async #lockRows(milliseconds: number): Promise<void> {
    const application = await this.#engine.database.pool.connect();
    await application.query('BEGIN');
    for (const table of new Set(Object.values(tables))) {
      await application.query(`SELECT FROM ${table} FOR UPDATE`);
    }
    setTimeout(() => application.query('COMMIT').finally(() => application.release()), milliseconds);
  }

  /** What the database does by itself 1.5 s later. */
  #endOpenTransactions(): Promise<void> {
    return this.#endSessions(`state LIKE 'idle in transaction%'`);
  }

  async #endSessions(which: string): Promise<void> {
    await this.#engine.database.query(`
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'rds-data' AND ${which}`);
  }

  /** What the machine does with an error: tries again, or tells the function that the run has failed. */
  async #failed(execution: Execution, error: Error): Promise<void> {
    if (error instanceof Killed || error.name === 'DatabaseUnavailable') {
      await this.#endOpenTransactions();
      return;
    }
    this.#expectReason(execution, error);
    await this.#process(execution.code ?? 1).invoke(execution.failure(error.name, error.message));
    execution.failed(error.name);
  }

  #expectReason(execution: Execution, { name, message }: Error): void {
    const others = this.running.filter((other) => other !== execution);
    const about = execution.input.only ?? execution.input.background;
    const reasons: Readonly<Record<string, boolean>> = {
      MigrationsAlreadyRunning: others.some(
        ({ input }) =>
          lockOf(input) === lockOf(execution.input) ||
          [about, undefined].includes(input.background ?? input.only),
      ),
      NoLongerRegistered: about === 'a',
      InvalidInput: about === 'a', // another release was deployed before it began
      MigrationFailed: /was paused by ada/.test(message) && this.#paused.has(about as Name),
    };
    expect({ name, message, isDue: reasons[name] === true }).toEqual({ name, message, isDue: true });
  }

  /** Promise 13: what a release waits for is never in the background. */
  #expectNoWaiting({ input }: Execution, operation: string, answer: unknown): void {
    const isRelease = lockOf(input) === '' && input.mode !== 'foreground';
    if (isRelease && operation === 'pending' && (answer as { state: string }).state === 'wait') {
      expect(this.running.map((other) => other.input.only)).toContainEqual(expect.any(String));
    }
  }

  /** Promise 12: what has succeeded is done. */
  #expectDone({ input, result }: Execution, lines: readonly Line[]): void {
    const finished = lines.filter(({ status }) => status === 'finished').map(({ name }) => name as string);
    for (const [name, each] of Object.entries(result)) {
      const isLeft = typeof each === 'object' && 'state' in each;
      expect(
        isLeft && lockOf(input) !== '',
        `${name} of ${JSON.stringify(input)}: ${JSON.stringify(each)}`,
      ).toBe(false);
      expect(isLeft || finished.includes(name), `promise 12: ${name} is done`).toBe(true);
    }
  }

  /** Each run that the ledger knows has its beginning in the history, and its end if it has ended. */
  async #expectHistory(): Promise<void> {
    const untold = await this.#engine.database.query(`
      SELECT r.execution_arn, r.status, array_agg(h.event ORDER BY h.id) AS events
      FROM data_migrations.runs r LEFT JOIN data_migrations.history h ON h.run = r.execution_arn
      GROUP BY r.execution_arn
      HAVING count(*) FILTER (WHERE h.event = 'run started') <> 1
        OR (r.status <> 'running'
          AND count(*) FILTER (WHERE h.event IN ('run succeeded', 'run failed', 'run found ended')) = 0)`);
    expect(untold).toEqual([]);
  }

  #statusOf(arn: string | null) {
    return this.executions.find((execution) => execution.arn === arn)?.status;
  }

  #lines(): Promise<Line[]> {
    const counted = names.map(
      (name) => `
        SELECT '${name}' AS name, count(*) FILTER (WHERE ${name} = 1) AS once, count(*) FILTER (WHERE ${name} > 1) AS more
        FROM ${tables[name]}`,
    );
    return this.#engine.database.query(`
      SELECT t.name, m.status, m.claim, m.run, r.status AS run_status, r.lock,
        COALESCE(m.total_processed, 0)::int AS total_processed, COALESCE(m.total_updated, 0)::int AS total_updated,
        t.once::int, t.more::int
      FROM (${counted.join(' UNION ALL ')}) AS t
      LEFT JOIN data_migrations.migrations m USING (name)
      LEFT JOIN data_migrations.runs r ON r.execution_arn = m.run
      ORDER BY t.name`);
  }
}
