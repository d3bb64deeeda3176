import { setTimeout as wait } from 'node:timers/promises';
import type { Caller, MigrateRequest, ResultMap, RunInput } from '../../functions/contract.ts';
import { type Clock, lambdaClock } from '../../functions/engine/clock.ts';
import type { Database } from '../../functions/engine/database/data-api.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { type RdsData, type RdsDataOptions, startRdsData } from '../../local/rds-data/endpoint.ts';
import type { Execution } from '../../local/step-functions/execution/execution.ts';
import { credentials } from './credentials.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { type Fault, type FaultProxy, type ProxiedCall, startFaultProxy } from './fault-proxy.ts';
import {
  clientOf,
  Killed,
  type LambdaProcess,
  type ProcessOptions,
  processHeader,
  startProcess,
} from './lambda-process.ts';
import { type SynthesizedMachine, synthesizedMachine } from './synthesized-machine.ts';

export type { LambdaProcess, ProcessOptions } from './lambda-process.ts';

/** A call on its way from one Lambda process to the Data API. */
export interface Call extends ProxiedCall {
  readonly process: LambdaProcess;
  /** The statement, or the operation's name where there is none. */
  readonly sql: string;
  /** Part of a transaction, which nobody sends twice. */
  readonly inTransaction: boolean;
}

/** The engine with the SDK's client, the Data API's endpoint and a PostgreSQL below it, and a hand in between. */
export interface TestEngine {
  readonly database: TestDatabase;
  readonly endpoint: RdsData;
  /** The clock of the processes, which a test may set. */
  readonly clock: Clock;
  /** Decides about each call, or only looks at it; put away by `forget`. */
  between: (call: Call) => Fault | undefined | Promise<Fault | undefined>;
  /** What Step Functions says of executions, by their ARNs; besides these it knows those that `run` has started. */
  readonly executions: Map<string, string>;
  /** How long the engine would have slept, in seconds: here no sleep takes longer than a moment. */
  readonly slept: number[];
  /** The statements that arrived, for a test that counts or looks at them. */
  readonly statements: string[];
  /** The real handler in a process of its own. */
  process(migrations: readonly Migration[], options?: ProcessOptions): LambdaProcess;
  /** The engine's own way to the database. */
  dataApi(): Database;
  /** One run of the synthesized machine; the result map, or the error that failed it. */
  run(migrations: readonly Migration[], options?: RunOptions): Promise<ResultMap>;
  /** The executions of the latest run: its first one, and its parts. */
  executionsOfRun(): readonly Execution[];
  /** The lines of a table of the ledger. */
  ledger<Row extends object>(table: string): Promise<Row[]>;
  /** Waits until no zombie speaks any more. */
  settled(): Promise<void>;
  /** Empties the ledger and puts away what was between. */
  forget(): Promise<void>;
  /** Takes the ledger away, and what was between. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface RunOptions extends ProcessOptions {
  readonly name?: string;
  readonly input?: RunInput;
  /** After each operation. */
  readonly after?: (request: MigrateRequest, answer: unknown) => unknown;
  /** A process to begin with. */
  readonly process?: LambdaProcess;
}

/**
 * Starts all of it. Sleeps are noted, not slept, unless `sleeps` says how much of each is. The Data API logs in as `user`, who need
 * not be there yet; by default as a superuser. With `between: 'nothing'` there is no hand in between, which makes calls faster.
 */
export async function startEngine(
  options: Partial<RdsDataOptions> & {
    readonly sleeps?: number;
    readonly user?: string;
    readonly between?: 'nothing';
  } = {},
): Promise<TestEngine> {
  const { sleeps = 0, user, between, ...rdsData } = options;
  const database = await freshDatabase({ name: 'engine' });
  const url = user === undefined ? database.url : database.url.replace(/\/\/[^@]*@/, `//${user}@`);
  const endpoint = await startRdsData({ database: url, accessKeyId: credentials.accessKeyId, ...rdsData });
  const executions = new Map<string, string>();
  const slept: number[] = [];
  const statements: string[] = [];
  const processes: LambdaProcess[] = [];
  const machines: SynthesizedMachine[] = [];
  const clock: Clock = {
    ...lambdaClock,
    sleep: async (seconds) => {
      slept.push(seconds);
      await wait(seconds * sleeps * 1_000);
    },
  };
  const statusOf = async (arn: string): Promise<string | undefined> =>
    executions.get(arn) ??
    machines.map((machine) => machine.statusOf(arn)).find((status) => status !== undefined);

  const onCall = async (call: ProxiedCall): Promise<Fault> => {
    const body = JSON.parse(call.body) as { readonly sql?: string; readonly transactionId?: string };
    const process = processes[Number(call.headers[processHeader]) - 1];
    if (process === undefined) {
      return 'pass';
    }
    if (process.isDead) {
      return new Promise(() => {});
    }
    const sql = body.sql ?? call.path.slice(1);
    statements.push(sql);
    const inTransaction = body.transactionId !== undefined;
    return (await engine.between({ ...call, process, sql, inTransaction })) ?? 'pass';
  };
  const proxy: FaultProxy = await startFaultProxy({ target: endpoint.url, onCall });
  const way = between === 'nothing' ? endpoint.url : proxy.url;
  const surroundings = { url: way, databaseName: database.name, clock, statusOf };

  const engine: TestEngine = {
    database,
    endpoint,
    clock,
    between: () => 'pass',
    executions,
    slept,
    statements,
    process(migrations, given = {}) {
      const made = startProcess(processes.length + 1, migrations, surroundings, given);
      processes.push(made);
      return made;
    },
    dataApi: () => clientOf(surroundings),
    run: (migrations, given = {}) =>
      runToEnd(given, {
        nextProcess: () => engine.process(migrations, given),
        machine: (invoke) => {
          const machine = synthesizedMachine(invoke);
          machines.unshift(machine);
          return machine;
        },
      }),
    executionsOfRun: () => machines[0]?.executions() ?? [],
    ledger: (table) => database.query(`SELECT * FROM data_migrations.${table} ORDER BY 1, 2`),
    async reset() {
      engine.between = () => 'pass';
      slept.length = 0;
      statements.length = 0;
      await database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE');
    },
    async settled() {
      // Between two calls a process does a millisecond of work.
      for (let before = -1; before !== statements.length || proxy.underWay > 0; ) {
        before = statements.length;
        await wait(8);
      }
    },
    async forget() {
      engine.between = () => 'pass';
      statements.length = 0;
      executions.clear();
      machines.length = 0;
      // Faster than TRUNCATE for the few rows that a test makes.
      for (const table of ['runs', 'migrations', 'row_errors', 'follow_ups', 'rebuilds']) {
        await database.query(`DELETE FROM data_migrations.${table}`);
      }
    },
    async stop() {
      await proxy.close();
      await endpoint.close();
      await database.drop();
    },
  };
  return engine;
}

let runs = 0;

/** Runs the synthesized machine with processes of the real handler, another one after each that was killed. */
async function runToEnd(
  { name = `run-${++runs}`, input = {}, process: first, after }: RunOptions,
  start: {
    readonly nextProcess: () => LambdaProcess;
    readonly machine: (invoke: (payload: unknown) => Promise<unknown>) => SynthesizedMachine;
  },
): Promise<ResultMap> {
  let process = first ?? start.nextProcess();
  const machine = start.machine(async (payload) => {
    const request = payload as MigrateRequest;
    try {
      const answer = await process.invoke(request);
      await after?.(request, answer);
      return answer;
    } catch (error) {
      if (error instanceof Killed) {
        process = start.nextProcess();
      }
      throw error;
    }
  });
  const { status, ending } = await machine.run(name, JSON.stringify(input));
  if (status === 'SUCCEEDED') {
    return JSON.parse(ending.output ?? '{}') as ResultMap;
  }
  throw Object.assign(new Error(ending.cause), { name: ending.error });
}

/** The execution of this name, as the machine introduces itself. */
export function caller(name: string, redrives = 0, part = 1): Caller {
  return {
    execution_arn: `arn:aws:states:eu-central-1:123456789012:execution:run-migrations:${name}`,
    redrive_count: redrives,
    part,
  };
}
