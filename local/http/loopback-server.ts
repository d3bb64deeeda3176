import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';

/** An HTTP server that only this machine can reach. */
export interface LoopbackServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Stops listening and disconnects every client, also in the middle of a request. */
  close(): Promise<void>;
}

/**
 * How long an idle connection stays open, in milliseconds: longer than any client here pauses between two calls. A
 * client that finds its connection closed sends the request again, and a write would then run twice.
 */
const keepAliveMs = 600_000;

/**
 * Listens on 127.0.0.1.
 *
 * @param port 0 takes any free port.
 * @throws the system's error, with the code EADDRINUSE, when the port is taken.
 */
export async function listenOnLoopback(listener: RequestListener, port: number): Promise<LoopbackServer> {
  const server = createServer(listener);
  server.keepAliveTimeout = keepAliveMs;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error(`expected a port, got ${address}`); // only a server on a pipe has none
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections(); // clients keep idle ones open
      await closed;
    },
  };
}
