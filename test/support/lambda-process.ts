import { Agent } from 'node:http';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import type { MigrateRequest } from '../../functions/contract.ts';
import type { Clock } from '../../functions/engine/clock.ts';
import { type Database, dataApi } from '../../functions/engine/database/data-api.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import type { ExecutionStatus } from '../../functions/engine/ledger/execution-status.ts';
import { migrateIn } from '../../functions/migrate/migrate.ts';
import type { SendMetrics } from '../../functions/send-metrics.ts';
import { credentials } from './credentials.ts';

export const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:app';
export const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:app';

/** The header by which a call says which process it comes from. */
export const processHeader = 'x-test-process';

/** Where Lambda runs the handler: it remembers nothing of the one before, and can be killed. */
export interface LambdaProcess {
  readonly number: number;
  readonly isDead: boolean;
  /** One invocation: rejects with `Killed` if the process is given up before it answers. */
  invoke(request: MigrateRequest): Promise<unknown>;
  /** Lambda ends it: nothing that it sends from now on arrives. */
  kill(): void;
  /** Step Functions gives up waiting for it; it goes on by itself, as a zombie. */
  abandon(): void;
}

// One for all: a test that starts hundreds of processes would run out of sockets.
const httpAgent = new Agent({ keepAlive: true });

/** What Lambda reports of a process that did not answer: the machine invokes again. */
export class Killed extends Error {
  override readonly name = 'Sandbox.Timedout';
}

export interface ProcessOptions {
  /** Milliseconds that Lambda gives an invocation; the engine takes half of a short one. */
  readonly milliseconds?: number;
  readonly slicesPerExecution?: number;
  readonly followUps?: Readonly<Record<string, string>>;
  /** The version of the function; by default none. */
  readonly version?: string;
  /** Requests that the SDK makes of one call at most. */
  readonly attempts?: number;
  /** Where its metrics go. */
  readonly metrics?: SendMetrics;
}

/** Where processes live: the endpoint that they talk to, their clock, and what Step Functions says of executions. */
export interface Surroundings {
  readonly url: string;
  readonly databaseName: string;
  readonly clock: Clock;
  readonly statusOf: ExecutionStatus;
}

/** Starts a process with the real handler in it. */
export function startProcess(
  number: number,
  migrations: readonly Migration[],
  { url, databaseName, clock, statusOf }: Surroundings,
  {
    milliseconds = 300_000,
    slicesPerExecution = 1_000,
    followUps = {},
    attempts = 3,
    version = '',
    metrics,
  }: ProcessOptions,
): LambdaProcess {
  let isDead = false;
  let giveUp: (error: Killed) => void = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  givenUp.catch(() => undefined);
  const handler = migrateIn(
    {
      env: {
        SLICES_PER_EXECUTION: String(slicesPerExecution),
        FOLLOW_UPS: JSON.stringify(followUps),
        STACK_NAME: 'test',
        AWS_LAMBDA_FUNCTION_VERSION: version,
        SHOW_ROW_DATA: 'true', // tests look at which rows it was
      },
      clock,
      statusOf,
      database: clientOf({ url, databaseName, clock, attempts, number }),
      ...(metrics && { metrics }),
    },
    migrations,
  );
  return {
    number,
    get isDead() {
      return isDead;
    },
    invoke: (request) => {
      const answer = handler(request, { getRemainingTimeInMillis: () => milliseconds });
      answer.catch(() => undefined); // a zombie's end interests nobody
      return Promise.race([answer, givenUp]);
    },
    kill() {
      isDead = true;
      giveUp(new Killed(`process ${number} was killed`));
    },
    abandon: () => giveUp(new Killed(`process ${number} was given up`)),
  };
}

/** The engine's own way to a database behind an endpoint, whose calls say from which process they come. */
export function clientOf(options: {
  readonly url: string;
  readonly databaseName: string;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly attempts?: number;
  readonly number?: number;
}): Database {
  const { url, databaseName, clock, attempts = 3, number } = options;
  const client = (maxAttempts: number) => {
    const made = new RDSDataClient({
      endpoint: url,
      region: 'eu-central-1',
      credentials,
      maxAttempts,
      requestHandler: { httpAgent },
    });
    if (number !== undefined) {
      made.middlewareStack.add(
        (next) => (args) => {
          (args.request as { headers: Record<string, string> }).headers[processHeader] = String(number);
          return next(args);
        },
        { step: 'build', name: processHeader },
      );
    }
    return made;
  };
  return dataApi({
    client: client(attempts),
    once: client(1),
    clusterArn,
    secretArn,
    database: databaseName,
    sleep: (seconds) => clock.sleep(seconds),
  });
}

/** What the stack tells a function, and the SDK's own variables, for a handler that reads its environment. */
export function environmentOf(url: string): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL_RDS_DATA: url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    CLUSTER_ARN: clusterArn,
    SECRET_ARN: secretArn,
    DATABASE_NAME: '',
  };
}
