import { setTimeout as wait } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { type DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { vi } from 'vitest';
import {
  type Caller,
  type CleanedUp,
  type Closed,
  ErrorName,
  type MigrateRequest,
  type OfOneMigration,
  type Opened,
  type Pending,
  type Restored,
  type ResultMap,
  type RunInput,
  type Slice,
  type Validated,
} from '../../functions/contract.ts';
import { lambdaClock } from '../../functions/engine/clock.ts';
import { type Database, dataApi } from '../../functions/engine/database/data-api.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { migrate } from '../../functions/migrate/migrate.ts';
import { type RdsData, type RdsDataOptions, startRdsData } from '../../local/rds-data/endpoint.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { type Fault, type FaultProxy, type ProxiedCall, startFaultProxy } from './fault-proxy.ts';

const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:app';
const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:app';
const machine = 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations';

/** A call on its way from one Lambda process to the Data API. */
export interface Call extends ProxiedCall {
  readonly process: LambdaProcess;
  /** The statement, or the operation's name where there is none. */
  readonly sql: string;
  /** Part of a transaction, which nobody sends twice. */
  readonly inTransaction: boolean;
}

/** Where Lambda runs the handler: it remembers nothing of the one before, and can be killed. */
export interface LambdaProcess {
  readonly number: number;
  /** One invocation: rejects with `Killed` if the process is given up before it answers. */
  invoke(request: MigrateRequest): Promise<unknown>;
  /** Lambda ends it: nothing that it sends from now on arrives. */
  kill(): void;
  /** Step Functions gives up waiting for it; it goes on by itself, as a zombie. */
  abandon(): void;
}

/** Stands for `Sandbox.Timedout` and its like: the machine invokes again. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

export interface ProcessOptions {
  /** Milliseconds that Lambda gives an invocation; the engine takes half of a short one. */
  readonly milliseconds?: number;
  readonly slicesPerExecution?: number;
  readonly followUps?: Readonly<Record<string, string>>;
  /** Requests that the SDK makes of one call at most. */
  readonly attempts?: number;
}

/** The engine with the SDK's client, the Data API's endpoint and a PostgreSQL below it, and a hand in between. */
export interface TestEngine {
  readonly database: TestDatabase;
  readonly endpoint: RdsData;
  /** Decides about each call, or only looks at it; put away by `forget`. */
  between: (call: Call) => Fault | undefined | Promise<Fault | undefined>;
  /** What Step Functions says of executions, by their ARNs; it knows no others. */
  readonly executions: Map<string, string>;
  /** How long the engine would have slept, in seconds: here no sleep takes longer than a moment. */
  readonly slept: number[];
  /** The statements that arrived, for a test that counts or looks at them. */
  readonly statements: string[];
  /** The real handler in a process of its own. */
  process(migrations: readonly Migration[], options?: ProcessOptions): LambdaProcess;
  /** The engine's own way to the database. */
  dataApi(): Database;
  /** One execution of the machine and its continuations; the result map, or the error that failed it. */
  run(migrations: readonly Migration[], options?: RunOptions): Promise<ResultMap>;
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

/** Starts all of it. Sleeps are noted, not slept, unless `sleeps` says how much of each is. */
export async function startEngine(
  options: Partial<RdsDataOptions> & { readonly sleeps?: number } = {},
): Promise<TestEngine> {
  const { sleeps = 0, ...rdsData } = options;
  const database = await freshDatabase({ name: 'engine' });
  const endpoint = await startRdsData({ database: database.url, ...rdsData });
  const executions = new Map<string, string>();
  const slept: number[] = [];
  const statements: string[] = [];
  const processes: LambdaProcess[] = [];
  const dead = new Set<LambdaProcess>();
  vi.spyOn(lambdaClock, 'sleep').mockImplementation(async (seconds) => {
    slept.push(seconds);
    await wait(seconds * sleeps * 1_000);
  });

  vi.spyOn(SFNClient.prototype, 'send').mockImplementation(async (command: unknown) => {
    const { executionArn = '' } = (command as DescribeExecutionCommand).input;
    const status = executions.get(executionArn);
    if (status !== undefined) {
      return { status };
    }
    throw Object.assign(new Error(`no ${executionArn}`), { name: 'ExecutionDoesNotExist' });
  });

  const onCall = async (call: ProxiedCall): Promise<Fault> => {
    const body = JSON.parse(call.body) as Body;
    const process = processes[Number(body.secretArn.split('#')[1]) - 1];
    const sql = body.sql ?? call.path.slice(1);
    if (process === undefined) {
      return 'pass';
    }
    if (dead.has(process)) {
      return new Promise(() => {});
    }
    statements.push(sql);
    return (
      (await engine.between({ ...call, process, sql, inTransaction: body.transactionId !== undefined })) ??
      'pass'
    );
  };
  const proxy: FaultProxy = await startFaultProxy({ target: endpoint.url, onCall });

  const process = (migrations: readonly Migration[], given: ProcessOptions = {}): LambdaProcess => {
    const { milliseconds = 300_000, slicesPerExecution = 1_000, followUps = {}, attempts = 3 } = given;
    const number = processes.length + 1;
    let giveUp: (error: Killed) => void = () => {};
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    givenUp.catch(() => undefined);
    Object.assign(globalThis.process.env, {
      ...environmentOf(proxy.url, `${secretArn}#${number}`),
      AWS_MAX_ATTEMPTS: String(attempts),
      SLICES_PER_EXECUTION: String(slicesPerExecution),
      FOLLOW_UPS: JSON.stringify(followUps),
    });
    const handler = migrate(migrations);
    const made: LambdaProcess = {
      number,
      invoke: (request) => {
        const answer = handler(request, { getRemainingTimeInMillis: () => milliseconds });
        answer.catch(() => undefined); // a zombie's end interests nobody
        return Promise.race([answer, givenUp]);
      },
      kill() {
        dead.add(made);
        giveUp(new Killed(`process ${number} was killed`));
      },
      abandon: () => giveUp(new Killed(`process ${number} was given up`)),
    };
    processes.push(made);
    return made;
  };

  const engine: TestEngine = {
    database,
    endpoint,
    between: () => 'pass',
    executions,
    slept,
    statements,
    process,
    dataApi: () => {
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
      const to = { endpoint: proxy.url, region: 'eu-central-1', credentials };
      return dataApi({
        client: new RDSDataClient(to),
        once: new RDSDataClient({ ...to, maxAttempts: 1 }),
        clusterArn,
        secretArn,
        database: database.name,
        sleep: (seconds) => lambdaClock.sleep(seconds),
      });
    },
    run: (migrations, given = {}) => runToEnd(() => process(migrations, given), executions, given),
    ledger: (table) => database.query(`SELECT * FROM data_migrations.${table} ORDER BY 1, 2`),
    async reset() {
      engine.between = () => 'pass';
      slept.length = 0;
      statements.length = 0;
      await database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE');
    },
    async settled() {
      for (let before = -1; before !== statements.length; ) {
        before = statements.length;
        await wait(20);
      }
    },
    async forget() {
      engine.between = () => 'pass';
      statements.length = 0;
      executions.clear();
      // Faster than TRUNCATE for the few rows that a test makes.
      for (const table of ['runs', 'migrations', 'row_errors', 'follow_ups', 'rebuilds']) {
        await database.query(`DELETE FROM data_migrations.${table}`);
      }
    },
    async stop() {
      await proxy.close();
      await endpoint.close();
      await database.drop();
      vi.restoreAllMocks();
    },
  };
  return engine;
}

interface Body {
  readonly secretArn: string;
  readonly sql?: string;
  readonly transactionId?: string;
}

/** What the stack tells a function, and the SDK's own variables. */
export function environmentOf(url: string, secret = secretArn): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL_RDS_DATA: url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    CLUSTER_ARN: clusterArn,
    SECRET_ARN: secret,
    DATABASE_NAME: '',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
    POWERTOOLS_METRICS_DISABLED: 'true',
  };
}

/** The execution of this name, as the machine introduces itself. */
export function caller(name: string, redrives = 0): Caller {
  return { execution_arn: `${machine}:${name}`, redrive_count: redrives };
}

/** Where the machine goes from the answer to an operation; `more` is the same again. */
const after = {
  pending: 'batches',
  validate: 'validate',
  restore: 'restore',
  cleanup: 'cleanup',
  more: undefined,
  skipped: undefined,
  done: undefined,
  passed: undefined,
  continued: undefined,
} as const satisfies Record<HowItStands['state'], OfOneMigration | undefined>;

type HowItStands = Pick<Pending | Slice | Validated | Restored | CleanedUp, 'state'>;

let runs = 0;

/** What the machine does, without its waits: the same operations, the same errors tried again. */
async function runToEnd(
  nextProcess: () => LambdaProcess,
  statuses: Map<string, string>,
  options: RunOptions,
): Promise<ResultMap> {
  let process = options.process ?? nextProcess();
  let run = caller(options.name ?? `run-${++runs}`);
  let input: unknown = options.input ?? {};
  const ended = (status: string) => statuses.set(run.execution_arn, status);

  const ask = async <Answer>(request: MigrateRequest): Promise<Answer> => {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = (await process.invoke(request)) as Answer;
        await options.after?.(request, answer);
        return answer;
      } catch (error) {
        const { name } = error as Error;
        if (name === 'Killed') {
          process = nextProcess();
        }
        const again = name === ErrorName.DatabaseUnavailable || name === 'Killed';
        if (!again || tries > 8) {
          throw error;
        }
      }
    }
  };

  for (;;) {
    try {
      statuses.set(run.execution_arn, 'RUNNING');
      const { migrations } = await ask<Opened>({ operation: 'open', run, input });
      for (const migration of migrations) {
        let operation: OfOneMigration | undefined = 'pending';
        while (operation !== undefined) {
          const answer: HowItStands = await ask({ operation, run, migration });
          operation = answer.state === 'more' ? operation : after[answer.state];
        }
      }
      const closed = await ask<Closed>({ operation: 'close', run });
      ended('SUCCEEDED');
      if (closed.state === 'succeeded') {
        return closed.result;
      }
      ({ input } = closed);
      run = caller(closed.execution_name);
    } catch (error) {
      const { name, message } = error as Error;
      ended('FAILED');
      if (name === ErrorName.AlreadyRunning || name === ErrorName.InvalidInput) {
        throw error;
      }
      // A failure that cannot be recorded is still shown as what it was.
      const failure = { operation: 'fail', run, error: name, cause: message } as const;
      await process.invoke(failure).catch(() => undefined);
      throw error;
    }
  }
}
