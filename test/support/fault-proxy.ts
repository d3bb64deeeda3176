import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One call that arrived at the proxy. */
export interface ProxiedCall {
  /** The first is 1. */
  readonly number: number;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** What becomes of a call. */
export type Fault =
  | 'pass'
  /** The target never sees it; the connection breaks. */
  | 'refuse'
  /** The target does it to the end; the connection breaks instead of the answer. */
  | 'lose-answer'
  /** The target gets it twice at the same time; the caller gets the answer that comes first. */
  | 'duplicate'
  /** It is forwarded that much later. */
  | { readonly delayMs: number }
  /** Another body is forwarded in its place, perhaps twice at the same time. */
  | { readonly instead: string; readonly twice?: boolean };

export interface FaultProxyOptions {
  /** The URL of the endpoint behind it. */
  readonly target: string;
  /** Decides about each call, and may do anything else first: kill a worker, start a second. All pass by default. */
  readonly onCall?: (call: ProxiedCall) => Fault | Promise<Fault>;
}

export interface FaultProxy {
  readonly url: string;
  /** How many calls have arrived. */
  readonly calls: number;
  /** How many calls are under way at the target. */
  readonly underWay: number;
  /** Lets calls under way at the target come to their end. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Starts a loopback proxy that can break a connection at every point where it hurts. */
export async function startFaultProxy({
  target,
  onCall = () => 'pass',
}: FaultProxyOptions): Promise<FaultProxy> {
  let calls = 0;
  const underWay = new Set<Promise<unknown>>();

  const forward = (request: IncomingMessage, body: Buffer): Promise<Answer> => {
    const answer = forwardOnce(target, request, body);
    const ended = answer.catch(() => {}).finally(() => underWay.delete(ended));
    underWay.add(ended);
    return answer;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bytesOf(request);
    const fault = await onCall({
      number: ++calls,
      path: request.url ?? '',
      body: body.toString('utf8'),
      headers: request.headers,
    });
    if (fault === 'refuse') {
      return response.destroy();
    }
    if (typeof fault === 'object' && 'delayMs' in fault) {
      await sleep(fault.delayMs);
    }
    const sent = typeof fault === 'object' && 'instead' in fault ? Buffer.from(fault.instead) : body;
    const answers = [forward(request, sent)];
    if (fault === 'duplicate' || (typeof fault === 'object' && 'twice' in fault && fault.twice)) {
      answers.push(forward(request, sent));
    }
    if (fault === 'lose-answer') {
      await Promise.allSettled(answers);
      return response.destroy();
    }
    const { status, headers, body: answered } = await Promise.race(answers);
    return response.writeHead(status, headers).end(answered);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 600_000; // as the endpoints: the only broken connections are the ones that a test asks for
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get underWay() {
      return underWay.size;
    },
    get calls() {
      return calls;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all(underWay);
      await closed;
    },
  };
}

async function forwardOnce(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
): Promise<Answer> {
  const forwarded = send(new URL(url ?? '/', target), {
    method,
    headers: { ...headers, 'content-length': body.length },
  });
  forwarded.end(body);
  const [response] = (await once(forwarded, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 502, headers: response.headers, body: await bytesOf(response) };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
