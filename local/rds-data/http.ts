import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { refusalOf } from '../http/caller.ts';
import { readBody } from '../http/request-body.ts';
import { RdsDataError } from './errors.ts';
import { maxRequestBytes } from './quotas.ts';

/** Answers one call: takes the request's JSON text, returns the response's. */
export type Operation = (body: string) => Promise<string>;

/** The operations by their paths without the slash, such as `Execute`. */
export type Operations = Readonly<Record<string, Operation>>;

/**
 * The Data API's protocol, AWS's REST JSON: an operation is a path, request and response are JSON. An error is an
 * HTTP status, a name in the header `x-amzn-ErrorType`, and `{"message": …}`.
 *
 * @param accessKeyId The access key that requests must be signed with.
 */
export function listener(operations: Operations, accessKeyId: string): RequestListener {
  return (request, response) => {
    respond(request, response, operations, accessKeyId).catch(() => response.destroy());
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  operations: Operations,
  accessKeyId: string,
): Promise<void> {
  response.setHeader('x-amzn-RequestId', randomUUID());
  response.setHeader('content-type', 'application/json');
  try {
    checkCaller(request, accessKeyId);
    const operation = operationOf(request, operations);
    const answer = Buffer.from(await operation(await bodyOf(request)));
    response.writeHead(200, { 'content-length': answer.length }).end(answer);
  } catch (error) {
    const known = error instanceof RdsDataError ? error : unexpected(error);
    response.setHeader('x-amzn-ErrorType', known.code);
    response.writeHead(known.status).end(JSON.stringify({ message: known.message }));
  }
}

function checkCaller(request: IncomingMessage, accessKeyId: string): void {
  const refusal = refusalOf(request, accessKeyId);
  if (refusal) {
    throw new RdsDataError(refusal.code, refusal.message);
  }
}

function operationOf({ method, url = '' }: IncomingMessage, operations: Operations): Operation {
  const [path = ''] = url.split('?');
  const name = path.slice(1);
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (method !== 'POST' || operation === undefined) {
    throw new RdsDataError('UnknownOperationException', `Unknown operation ${method} ${path}`);
  }
  return operation;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, maxRequestBytes);
  if (body === undefined) {
    throw new RdsDataError('RequestEntityTooLargeException', 'The request exceeds the size limit 4 MiB.');
  }
  return body;
}

function unexpected(cause: unknown): RdsDataError {
  return new RdsDataError('InternalServerErrorException', String(cause), { cause });
}
