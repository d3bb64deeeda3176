import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Account } from './account.ts';
import { actions } from './actions/actions.ts';
import { Input } from './actions/input.ts';
import { ApiError } from './api-error.ts';
import { isObject } from './json.ts';

/** More than any request of this API needs: 256 KiB of input as JSON in JSON, and room. */
const requestLimit = 2 * 2 ** 20;

const targetPrefix = 'AWSStepFunctions.';

/** The AWS JSON 1.0 protocol: the action in a header, fields in the body. Whatever comes, it answers. */
export function listener(account: Account): RequestListener {
  return async (request, response) => {
    try {
      const action = actionOf(request);
      answer(response, 200, action(account, new Input(await fieldsOf(request))));
    } catch (error) {
      const known = error instanceof ApiError;
      const code = known ? error.code : 'InternalFailure';
      answer(response, known ? 400 : 500, { __type: code, message: known ? error.message : String(error) });
    }
  };
}

function actionOf({ method, headers }: IncomingMessage): (typeof actions)[string] {
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

async function fieldsOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > requestLimit) {
      throw new ApiError('RequestEntityTooLargeException', `A request has at most ${requestLimit} bytes`);
    }
    chunks.push(chunk);
  }
  const body = parse(Buffer.concat(chunks).toString());
  if (!isObject(body)) {
    throw new ApiError('SerializationException', 'The body must be a JSON object');
  }
  return body;
}

function parse(body: string): unknown {
  try {
    return body === '' ? {} : JSON.parse(body);
  } catch (error) {
    throw new ApiError('SerializationException', String(error));
  }
}

function answer(response: ServerResponse, status: number, fields: object): void {
  if (response.destroyed) {
    return; // the client left
  }
  const body = JSON.stringify(fields, function (this: Record<string, unknown>, name, value: unknown) {
    const original = this[name];
    return original instanceof Date ? original.getTime() / 1000 : value; // JSON.stringify asked the date already
  });
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(body);
}
