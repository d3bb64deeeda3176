import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Account, type Deployment } from './account.ts';
import { listener } from './http.ts';

export interface StepFunctionsOptions extends Deployment {
  /** A free one by default. */
  readonly port?: number;
  /** How long a second of Wait and of Retry lasts, in ms: for tests of what takes hours. 1000 by default. */
  readonly secondMs?: number;
}

export interface StepFunctions {
  /** For `AWS_ENDPOINT_URL_SFN`. */
  readonly url: string;
  readonly port: number;
  /** Puts more machines and newer functions beside what there is. Running executions keep their definition. */
  deploy(deployment: Deployment): void;
  /** How many state transitions an execution has made, as AWS bills them: states entered, and retries. */
  transitions(executionArn: string): number;
  /** Stops listening and waiting. Running executions end without a word, as does the process that has them. */
  close(): Promise<void>;
}

/**
 * Step Functions on 127.0.0.1: the API over HTTP for any SDK or command line, and an interpreter for JSONata machines.
 * Throws `InvalidDefinition` for a machine that AWS would refuse, and the server's error (EADDRINUSE) for a taken port.
 */
export async function startStepFunctions(options: StepFunctionsOptions): Promise<StepFunctions> {
  const account = new Account(options.secondMs ?? 1000);
  account.deploy(options);

  const server = createServer(listener(account));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    deploy: (deployment) => account.deploy(deployment),
    transitions: (executionArn) => account.execution(executionArn).transitions,
    close: async () => {
      account.abandon();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections(); // clients keep them alive
      await closed;
    },
  };
}
