import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { refusalOf, refusedStatus } from '../http/caller.ts';
import { readBody } from '../http/request-body.ts';
import type { Account } from './account.ts';
import type { Action } from './actions/action.ts';
import { actions } from './actions/actions.ts';
import { RequestFields } from './actions/request-fields.ts';
import { ApiError } from './api-error.ts';
import { isObject } from './json.ts';

/**
 * Largest request, in bytes: 2 MiB. An input of 256 KiB is JSON text within JSON, where escaping can make each byte
 * six, so 1.5 MiB can be needed.
 */
const maxRequestBytes = 2 * 2 ** 20;

const targetPrefix = 'AWSStepFunctions.';

/**
 * AWS's JSON 1.0 protocol: the action is named in a header, request and response are JSON. Every request is answered.
 *
 * @param accessKeyId The access key that requests must be signed with.
 */
export function listener(account: Account, accessKeyId: string): RequestListener {
  return async (request, response) => {
    const refusal = refusalOf(request, accessKeyId);
    if (refusal) {
      respond(response, refusedStatus, { __type: refusal.code, message: refusal.message });
      return;
    }
    try {
      const action = actionOf(request);
      const fields = new RequestFields(await bodyOf(request));
      respond(response, 200, action(account, fields));
    } catch (error) {
      if (error instanceof ApiError) {
        respond(response, 400, { __type: error.code, message: error.message });
      } else {
        respond(response, 500, { __type: 'InternalFailure', message: String(error) });
      }
    }
  };
}

function actionOf({ method, headers }: IncomingMessage): Action {
  const target = headers['x-amz-target'];
  const name =
    typeof target === 'string' && target.startsWith(targetPrefix) ? target.slice(targetPrefix.length) : '';
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (method !== 'POST' || action === undefined) {
    const known = Object.keys(actions).join(', ');
    throw new ApiError(
      'UnknownOperationException',
      `X-Amz-Target is ${target}; this endpoint knows ${known}`,
    );
  }
  return action;
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const text = await readBody(request, maxRequestBytes);
  if (text === undefined) {
    throw new ApiError('RequestEntityTooLargeException', `A request has at most ${maxRequestBytes} bytes`);
  }
  const body = parse(text);
  if (!isObject(body)) {
    throw new ApiError('SerializationException', 'The body must be a JSON object');
  }
  return body;
}

function parse(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new ApiError('SerializationException', String(error));
  }
}

function respond(response: ServerResponse, status: number, fields: object): void {
  if (response.destroyed) {
    return; // the client has left
  }
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(fields, datesAsSeconds));
}

/** A replacer for JSON.stringify that writes dates in seconds since 1970. `value` is a date's text already. */
function datesAsSeconds(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const original = this[name];
  return original instanceof Date ? original.getTime() / 1000 : value;
}
