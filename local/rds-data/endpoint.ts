import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { actions } from './actions.ts';
import { readBody } from './body.ts';
import type { Action } from './context.ts';
import { RdsDataError } from './errors.ts';
import { pausable } from './pause.ts';
import { type Operation, parseRequest } from './request.ts';
import { openSessions } from './sessions.ts';
import { openTransactions } from './transactions.ts';

export interface RdsDataOptions {
  /** The PostgreSQL behind it. */
  readonly database: pg.ClientConfig | string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
  /** What callers must name, where it matters; anything goes by default. */
  readonly resourceArn?: string;
  readonly secretArn?: string;
  /** What callers call the connection's database. */
  readonly databaseName?: string;
  readonly statementTimeoutSeconds?: number;
  readonly transactionIdleSeconds?: number;
}

export interface RdsData {
  readonly url: string;
  readonly port: number;
  /** As Aurora's auto-pause: the next call wakes it, and it takes that many seconds. */
  pause(options: { readonly resumeSeconds: number }): void;
  close(): Promise<void>;
}

/** Starts an RDS Data API endpoint on this machine's loopback. A taken port fails with the code EADDRINUSE. */
export async function startRdsData({
  database,
  port = 0,
  resourceArn,
  secretArn,
  databaseName,
  statementTimeoutSeconds = 45,
  transactionIdleSeconds = 180,
}: RdsDataOptions): Promise<RdsData> {
  const sessions = openSessions(connectionOf(database), databaseName);
  const transactions = openTransactions(sessions, transactionIdleSeconds);
  const aurora = pausable();

  const answer = async <Name extends Operation>(operation: Name, body: string): Promise<string> => {
    const request = parseRequest(operation, body);
    checkTarget(request);
    aurora.check();
    const deadline = Date.now() + statementTimeoutSeconds * 1000;
    const action: Action<Name> = actions[operation];
    return action(request, { sessions, transactions, deadline });
  };

  const checkTarget = (request: { readonly resourceArn: string; readonly secretArn: string }) => {
    if (resourceArn !== undefined && request.resourceArn !== resourceArn) {
      const message = `HttpEndpoint is not enabled for resource ${request.resourceArn}`;
      throw new RdsDataError('HttpEndpointNotEnabledException', message);
    }
    if (secretArn !== undefined && request.secretArn !== secretArn) {
      throw new RdsDataError('SecretsErrorException', "Secrets Manager can't find the specified secret.");
    }
  };

  const server = createServer((request, response) => {
    respond(request, response, answer).catch(() => response.destroy());
  });
  // A client that finds its idle connection closed sends again, and a write would run twice: keep them open.
  server.keepAliveTimeout = 600_000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    pause: aurora.pause,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await transactions.close();
      await sessions.close();
      await closed;
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (operation: Operation, body: string) => Promise<string>,
): Promise<void> {
  response.setHeader('x-amzn-RequestId', randomUUID());
  response.setHeader('content-type', 'application/json');
  try {
    const operation = operationOf(request);
    const body = Buffer.from(await answer(operation, await readBody(request)));
    response.writeHead(200, { 'content-length': body.length }).end(body);
  } catch (error) {
    const known = error instanceof RdsDataError ? error : unexpected(error);
    response.setHeader('x-amzn-ErrorType', known.code);
    response.writeHead(known.status).end(JSON.stringify({ message: known.message }));
  }
}

function operationOf({ method, url = '' }: IncomingMessage): Operation {
  const [path = ''] = url.split('?');
  const name = path.slice(1);
  if (method === 'POST' && Object.hasOwn(actions, name)) {
    return name as Operation;
  }
  throw new RdsDataError('UnknownOperationException', `Unknown operation ${method} ${path}`);
}

function unexpected(cause: unknown): RdsDataError {
  return new RdsDataError('InternalServerErrorException', String(cause), { cause });
}

/** The parts of a URL, so that another database of the same server can be named; what was said beside it stays. */
function connectionOf(database: pg.ClientConfig | string): pg.ClientConfig {
  const config: pg.ClientConfig = typeof database === 'string' ? { connectionString: database } : database;
  const { connectionString, ...beside } = config;
  if (!connectionString) {
    return config;
  }
  const { host, port, user, password, ssl, database: name } = new pg.Client(config);
  return { ...beside, host, port, user, password, ssl, database: name };
}
