import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A way to an HTTP endpoint on which each call is some milliseconds longer under way. */
export interface SlowWay {
  readonly url: string;
  close(): void;
}

/** Opens one. */
export async function slowWay(target: () => string, milliseconds: number): Promise<SlowWay> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, answer) => {
    setTimeout(() => {
      const { method, headers, url } = incoming;
      const call = request(`${target()}${url}`, { method, headers, agent }, (found) => {
        answer.writeHead(found.statusCode ?? 500, found.headers);
        found.pipe(answer);
      });
      call.on('error', () => answer.destroy());
      incoming.pipe(call);
    }, milliseconds);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
