import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  type Field,
  RDSDataClient,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data';
import { object, string } from 'valibot';
import { DatabaseError, DatabaseUnavailable, databaseError, nameOf } from '../errors.ts';
import { readEnvironment } from './environment.ts';
import { located } from './place.ts';
import { type RowOf, type Shape, shaped } from './row-shape.ts';
import { type Parameter, render, type Sql } from './sql.ts';

/** One value of a result. Numbers are int8 or float8; everything the queries do not cast to those is text. */
export type Value = string | number | boolean | null | Uint8Array;
export type Row = Readonly<Record<string, Value>>;

export interface ExecuteOptions {
  /**
   * For DDL outside of a transaction: the statement goes on in the database when it takes longer than the 45 s that the Data
   * API waits. The call fails then as it would otherwise, with the moment's fault, so look in the catalog for what became of
   * it. The SDK sends such a statement once.
   */
  readonly continueAfterTimeout?: boolean;
}

export interface Statements {
  /**
   * Runs one statement and returns its rows, each checked against a shape: `query(sql`SELECT …`, { rows: number() })`. Throws
   * DatabaseError, also for a row of another shape, or DatabaseUnavailable.
   */
  query<S extends Shape>(statement: Sql, shape: S): Promise<RowOf<S>[]>;
  /** Runs one statement for its effect; its rows, if any, are not looked at. Throws the same. */
  execute(statement: Sql, options?: ExecuteOptions): Promise<void>;
  /**
   * Runs one SELECT and returns its rows from one JSON text, which for many rows is several times as fast, and may be ten
   * times as large. Bytes come as base64. `bytes` is the length of that text.
   */
  read(statement: Sql): Promise<{ readonly rows: Row[]; readonly bytes: number }>;
}

export interface Database extends Statements {
  /** Runs the work in one transaction: all of it, or on a throw nothing. */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>;
}

/** Where the cluster is, and how to wait: `sleep` takes seconds. */
export interface Connection {
  readonly client: RDSDataClient;
  /** A client that never sends a call again, for transactions and long DDL: what arrives there twice is done twice. */
  readonly once: RDSDataClient;
  readonly clusterArn: string;
  readonly secretArn: string;
  readonly database: string;
  readonly sleep: (seconds: number) => Promise<void>;
}

/** A database behind the RDS Data API. */
export function dataApi({ client, once, clusterArn, secretArn, database, sleep }: Connection): Database {
  const target = { resourceArn: clusterArn, secretArn };

  const send = (statement: Sql, options: Partial<ExecuteStatementCommandInput>) =>
    awake(sleep, () => {
      const { text, parameters } = render(statement);
      const named = parameters.map(toParameter);
      const alone = options.transactionId === undefined && !options.continueAfterTimeout;
      const sender = alone ? client : once;
      return sender.send(
        new ExecuteStatementCommand({ ...target, database, sql: text, parameters: named, ...options }),
      );
    }).catch((error: unknown) => {
      throw located(error, statement);
    });
  const statements = (options: { readonly transactionId?: string }): Statements => ({
    query: async (statement, shape) => {
      const answer = await send(statement, { ...options, includeResultMetadata: true });
      const labels = (answer.columnMetadata ?? []).map(({ label }) => label ?? '');
      const rows = (answer.records ?? []).map((fields) =>
        Object.fromEntries(labels.map((label, i) => [label, toValue(fields[i])])),
      );
      return shaped(shape, rows);
    },
    execute: async (statement, given) => {
      await send(statement, { ...options, ...given });
    },
    read: async (statement) => {
      const { formattedRecords, records } = await send(statement, { ...options, formatRecordsAs: 'JSON' });
      if (formattedRecords !== undefined) {
        return { rows: JSON.parse(formattedRecords) as Row[], bytes: formattedRecords.length };
      }
      if (records === undefined || records.length === 0) {
        return { rows: [], bytes: 0 };
      }
      // Taken for no rows, this answer would have us skip the table silently.
      throw new DatabaseError(
        'the Data API answered a SELECT without the JSON it was asked for',
        'migration',
        null,
      );
    },
  });

  return {
    ...statements({}),
    transaction: async (work) => {
      const { transactionId } = await awake(sleep, () =>
        once.send(new BeginTransactionCommand({ ...target, database })),
      );
      if (transactionId === undefined) {
        throw new DatabaseError('no transaction was begun', 'moment', null);
      }
      try {
        const result = await work(statements({ transactionId }));
        await once.send(new CommitTransactionCommand({ ...target, transactionId }));
        return result;
      } catch (error) {
        // Should the rollback fail too, the first error is the one to tell: a transaction that is gone is rolled back anyway.
        await once.send(new RollbackTransactionCommand({ ...target, transactionId })).catch(() => undefined);
        throw error instanceof DatabaseError || !isClientError(error) ? error : databaseError(error);
      }
    },
  };
}

// A paused Aurora takes 10 to 30 s to wake: 5 + 10 + 20 + 40 covers it twice.
const wakeUpPauses = [5, 10, 20, 40];
// Beside what the SDK tries by itself, which is nothing in a transaction.
const throttlePauses = [0.2, 0.5, 1, 2];

/** By errors that say that a call was not executed, and so may be sent again even where nothing may be done twice: the pauses before. */
const unexecuted: Readonly<Record<string, readonly number[]>> = {
  DatabaseResumingException: wakeUpPauses,
  ThrottlingException: throttlePauses,
  TooManyRequestsException: throttlePauses,
};

async function awake<T>(sleep: Connection['sleep'], call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const name = nameOf(error);
      const pause = unexecuted[name]?.[tries];
      if (pause !== undefined) {
        await sleep(pause);
      } else if (name === 'DatabaseResumingException') {
        const waited = wakeUpPauses.reduce((sum, each) => sum + each);
        throw new DatabaseUnavailable(
          `the database is still resuming after ${waited} s; it is tried again later`,
        );
      } else {
        throw databaseError(error);
      }
    }
  }
}

function isClientError(error: unknown): boolean {
  return error instanceof Error && '$metadata' in error;
}

function toParameter({ name, value }: Parameter): SqlParameter {
  return { name, value: toField(value) };
}

function toField(value: Parameter['value']): Field {
  if (typeof value === 'string') {
    return { stringValue: value };
  }
  if (typeof value === 'boolean') {
    return { booleanValue: value };
  }
  if (value instanceof Uint8Array) {
    return { blobValue: value };
  }
  if (Number.isSafeInteger(Number(value))) {
    return { longValue: Number(value) };
  }
  if (typeof value === 'number' && Number.isFinite(value)) {
    return { doubleValue: value };
  }
  throw new TypeError(`cannot be sent exactly as a number: ${value}; pass it as a string and cast it`);
}

function toValue(field: Field | undefined): Value {
  if (field === undefined || field.isNull) {
    return null;
  }
  const value =
    field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? field.blobValue;
  if (value === undefined) {
    throw new TypeError(`a result of a kind that is not read: ${JSON.stringify(field)}`);
  }
  return value;
}

/**
 * How long a client of the SDK waits for an answer, in seconds. The Data API answers within 45 s, its limit for a statement;
 * after 60 s its answer is lost. Unless it is told to throw, the SDK only warns and waits on.
 */
export function waitsFor(seconds: number) {
  return { connectionTimeout: 5_000, requestTimeout: seconds * 1_000, throwOnRequestTimeout: true };
}

const target = object({ CLUSTER_ARN: string(), SECRET_ARN: string(), DATABASE_NAME: string() });

/** The database that the stack names in the environment. Throws when a variable is missing. */
export function stackDatabase(env: NodeJS.ProcessEnv, sleep: Connection['sleep']): Database {
  const { CLUSTER_ARN, SECRET_ARN, DATABASE_NAME } = readEnvironment(target, env);
  const requestHandler = waitsFor(60);
  return dataApi({
    client: new RDSDataClient({ requestHandler }),
    once: new RDSDataClient({ requestHandler, maxAttempts: 1 }),
    clusterArn: CLUSTER_ARN,
    secretArn: SECRET_ARN,
    database: DATABASE_NAME,
    sleep,
  });
}
