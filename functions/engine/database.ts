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
import { object, parse, string } from 'valibot';
import { DatabaseError, DatabaseUnavailable, databaseError, nameOf } from './errors.ts';
import { type Parameter, render, type Sql } from './sql.ts';

/** One value of a result. Numbers are int8 or float8; everything the queries do not cast to those is text. */
export type Value = string | number | boolean | null | Uint8Array;
export type Row = Readonly<Record<string, Value>>;

export interface Database {
  /** Runs one statement, by itself, and returns its rows. Throws DatabaseError or DatabaseUnavailable. */
  query(statement: Sql): Promise<Row[]>;
  /** Runs the work in one transaction: all of it, or on a throw nothing. */
  transaction<T>(work: (database: Pick<Database, 'query'>) => Promise<T>): Promise<T>;
}

/** Where the cluster is, and how to wait: `sleep` takes seconds. */
export interface Connection {
  readonly client: RDSDataClient;
  readonly clusterArn: string;
  readonly secretArn: string;
  readonly database: string;
  readonly sleep: (seconds: number) => Promise<void>;
}

/** A database behind the RDS Data API. */
export function dataApi({ client, clusterArn, secretArn, database, sleep }: Connection): Database {
  const target = { resourceArn: clusterArn, secretArn };

  const execute = (statement: Sql, transactionId?: string): Promise<Row[]> =>
    awake(sleep, async () => {
      const { text, parameters } = render(statement);
      const input: ExecuteStatementCommandInput = {
        ...target,
        database,
        sql: text,
        parameters: parameters.map(toParameter),
        includeResultMetadata: true,
        ...(transactionId !== undefined && { transactionId }),
      };
      const { columnMetadata = [], records = [] } = await client.send(new ExecuteStatementCommand(input));
      const labels = columnMetadata.map(({ label }) => label ?? '');
      return records.map((fields) =>
        Object.fromEntries(labels.map((label, i) => [label, toValue(fields[i])])),
      );
    });

  return {
    query: (statement) => execute(statement),
    transaction: async (work) => {
      const { transactionId } = await awake(sleep, () =>
        client.send(new BeginTransactionCommand({ ...target, database })),
      );
      if (transactionId === undefined) throw new DatabaseError('no transaction was begun', 'moment', null);
      try {
        const result = await work({ query: (statement) => execute(statement, transactionId) });
        await client.send(new CommitTransactionCommand({ ...target, transactionId }));
        return result;
      } catch (error) {
        // The first error is the one to tell; a transaction that is already gone is rolled back.
        await client
          .send(new RollbackTransactionCommand({ ...target, transactionId }))
          .catch(() => undefined);
        throw error instanceof DatabaseError || !isClientError(error) ? error : databaseError(error);
      }
    },
  };
}

// A paused Aurora takes 10 to 30 s to wake: 5 + 10 + 20 + 40 covers it twice.
const wakeUpPauses = [5, 10, 20, 40];

async function awake<T>(sleep: Connection['sleep'], call: () => Promise<T>): Promise<T> {
  for (const pause of [...wakeUpPauses, undefined]) {
    try {
      return await call();
    } catch (error) {
      if (nameOf(error) !== 'DatabaseResumingException') throw databaseError(error);
      if (pause !== undefined) await sleep(pause);
    }
  }
  const waited = wakeUpPauses.reduce((sum, pause) => sum + pause);
  throw new DatabaseUnavailable(`the database is still resuming after ${waited} s; it is tried again later`);
}

function isClientError(error: unknown): boolean {
  return error instanceof Error && '$metadata' in error;
}

function toParameter({ name, value }: Parameter): SqlParameter {
  return { name, value: toField(value) };
}

function toField(value: Parameter['value']): Field {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { booleanValue: value };
  if (value instanceof Uint8Array) return { blobValue: value };
  if (Number.isSafeInteger(value)) return { longValue: value as number };
  if (typeof value === 'number' && Number.isFinite(value)) return { doubleValue: value };
  throw new TypeError(`cannot be sent exactly as a number: ${value}; pass it as a string and cast it`);
}

function toValue(field: Field | undefined): Value {
  if (field === undefined || field.isNull) return null;
  const value =
    field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? field.blobValue;
  if (value === undefined)
    throw new TypeError(`a result of a kind that is not read: ${JSON.stringify(field)}`);
  return value;
}

/** About what rows take of a result's 1 MiB: 2 bytes a row, 4 a column, and the values' own; base64 makes 4 bytes of 3. */
export function resultBytes(rows: readonly Row[]): number {
  const size = (value: Value): number =>
    value instanceof Uint8Array ? (value.length * 4) / 3 : String(value).length;
  return rows.reduce(
    (sum, row) => Object.values(row).reduce<number>((bytes, value) => bytes + 4 + size(value), sum + 2),
    0,
  );
}

const target = object({ CLUSTER_ARN: string(), SECRET_ARN: string(), DATABASE_NAME: string() });

/** The database that the stack names in the environment. Throws when a variable is missing. */
export function stackDatabase(env: NodeJS.ProcessEnv, sleep: Connection['sleep']): Database {
  const { CLUSTER_ARN, SECRET_ARN, DATABASE_NAME } = parse(target, env);
  // Sockets outlast a statement: 45 s is the Data API's limit, after 60 s the answer is lost.
  const client = new RDSDataClient({ requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 } });
  return dataApi({ client, clusterArn: CLUSTER_ARN, secretArn: SECRET_ARN, database: DATABASE_NAME, sleep });
}
