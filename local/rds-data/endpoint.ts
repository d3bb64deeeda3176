import pg from 'pg';
import { listenOnLoopback } from '../http/loopback-server.ts';
import type { Admit } from './actions/action.ts';
import { actions } from './actions/actions.ts';
import type { Target } from './actions/request.ts';
import { autoPause } from './auto-pause.ts';
import { openSessions } from './connections/sessions.ts';
import { openTransactions } from './connections/transactions.ts';
import { RdsDataError } from './errors.ts';
import { listener, type Operation } from './http.ts';
import { deviation, type Oddities } from './oddities.ts';
import * as quotas from './quotas.ts';

export interface RdsDataOptions {
  /** The PostgreSQL behind the endpoint, and the database that callers get by default. */
  readonly database: pg.ClientConfig | string;
  /** The access key that requests must be signed with; its secret is not looked at. */
  readonly accessKeyId: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** The ARN that callers must name as the cluster's; any ARN will do when this is left out. */
  readonly resourceArn?: string;
  /** The ARN that callers must name as the secret's; any ARN will do when this is left out. */
  readonly secretArn?: string;
  /** What callers call the default database; its own name when left out. */
  readonly databaseName?: string;
  /** How long a call may take; 45 s by default, as with the service. */
  readonly statementTimeoutSeconds?: number;
  /** How long a transaction may wait for its next call; 180 s by default, as with the service. */
  readonly transactionIdleSeconds?: number;
}

/** A running Data API. */
export interface RdsData {
  /** For `AWS_ENDPOINT_URL_RDS_DATA`. */
  readonly url: string;
  readonly port: number;
  /**
   * Pauses the database as Aurora's auto-pause does: the next call starts to wake it. Until `resumeSeconds` later,
   * calls fail with DatabaseResumingException.
   */
  pause(options: { readonly resumeSeconds: number }): void;
  /** From now on it is as odd as the service is reported to be at times; `{}` ends that. */
  deviate(oddities: Oddities): void;
  /** Stops listening, rolls transactions back and disconnects. */
  close(): Promise<void>;
}

/**
 * Starts an RDS Data API on 127.0.0.1, before any PostgreSQL: the five operations with the service's wire format,
 * errors and limits (see `quotas.ts`). Any AWS SDK and the `aws` command line can be its clients.
 *
 * @throws the server's error, with the code EADDRINUSE, when the port is taken.
 */
export async function startRdsData({
  database,
  accessKeyId,
  port = 0,
  resourceArn,
  secretArn,
  databaseName,
  statementTimeoutSeconds = quotas.statementTimeoutSeconds,
  transactionIdleSeconds = quotas.transactionIdleSeconds,
}: RdsDataOptions): Promise<RdsData> {
  const sessions = openSessions(connectionOf(database), statementTimeoutSeconds, databaseName);
  const transactions = openTransactions(sessions, transactionIdleSeconds);
  const { pause, wake } = autoPause();
  const odd = deviation(pause, wake);

  const checkTarget = (target: Target) => {
    if (resourceArn !== undefined && target.resourceArn !== resourceArn) {
      const message = `HttpEndpoint is not enabled for resource ${target.resourceArn}`;
      throw new RdsDataError('HttpEndpointNotEnabledException', message);
    }
    if (secretArn !== undefined && target.secretArn !== secretArn) {
      throw new RdsDataError('SecretsErrorException', "Secrets Manager can't find the specified secret.");
    }
  };
  const admit: Admit = (target) => {
    checkTarget(target);
    wake();
    return { sessions, transactions, deadline: Date.now() + statementTimeoutSeconds * 1000, deviation: odd };
  };

  const operations = Object.entries(actions).map(([name, action]): [string, Operation] => [
    name,
    (body) => action(body, admit),
  ]);
  const server = await listenOnLoopback(listener(Object.fromEntries(operations), accessKeyId), port);

  return {
    url: server.url,
    port: server.port,
    pause,
    deviate: odd.set,
    async close() {
      await server.close();
      await transactions.close();
      await sessions.close();
    },
  };
}

/** Takes a URL apart, so that callers can name another database of the same server. Options beside the URL are kept. */
function connectionOf(database: pg.ClientConfig | string): pg.ClientConfig {
  const config: pg.ClientConfig = typeof database === 'string' ? { connectionString: database } : database;
  const { connectionString, ...besideUrl } = config;
  if (!connectionString) {
    return config;
  }
  const { host, port, user, password, ssl, database: name } = new pg.Client(config);
  return { ...besideUrl, host, port, user, password, ssl, database: name };
}
