import { listenOnLoopback } from '../http/loopback-server.ts';
import { Account, type Deployment } from './account.ts';
import { listener } from './http.ts';

export interface StepFunctionsOptions extends Deployment {
  /** The access key that requests must be signed with; its secret is not looked at. */
  readonly accessKeyId: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /**
   * How many milliseconds a second of Wait and of Retry lasts: less than 1000, the default, to test what takes hours.
   */
  readonly secondMs?: number;
}

/** A running Step Functions. */
export interface StepFunctions {
  /** For `AWS_ENDPOINT_URL_SFN`. */
  readonly url: string;
  readonly port: number;
  /**
   * Adds machines and functions, or replaces those of the same ARN. Running executions keep the definition that they
   * started with.
   *
   * @throws InvalidDefinition for a machine that AWS would refuse.
   */
  deploy(deployment: Deployment): void;
  /** How many state transitions an execution has made, as AWS bills them: states entered, and retries. */
  transitions(executionArn: string): number;
  /** Stops listening. Executions that still run end without an event, as they would with this process. */
  close(): Promise<void>;
}

/**
 * Starts Step Functions on 127.0.0.1: the API over HTTP for any AWS SDK and the `aws` command line, and an
 * interpreter for JSONata machines. Executions live in this process and end with it.
 *
 * @throws InvalidDefinition for a machine that AWS would refuse, and the server's error (EADDRINUSE) for a taken
 *   port.
 */
export async function startStepFunctions(options: StepFunctionsOptions): Promise<StepFunctions> {
  const account = new Account(options.secondMs ?? 1000);
  account.deploy(options);
  const server = await listenOnLoopback(listener(account, options.accessKeyId), options.port ?? 0);

  return {
    url: server.url,
    port: server.port,
    deploy: (deployment) => account.deploy(deployment),
    transitions: (executionArn) => account.execution(executionArn).transitions,
    async close() {
      account.abandon();
      await server.close();
    },
  };
}
