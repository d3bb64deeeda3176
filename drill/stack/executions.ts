import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { RunInput } from '../../functions/contract.ts';
import type { LambdaFunction } from '../../local/lambda/function.ts';

export interface ExecutionsOptions {
  readonly sfn: SFNClient;
  readonly machineArn: string;
  /** Is told of each end, as EventBridge tells it. */
  readonly notify: LambdaFunction;
}

/** The executions of the stack's machines. */
export class Executions {
  readonly #sfn: SFNClient;
  readonly #machineArn: string;
  readonly #notify: LambdaFunction;

  constructor({ sfn, machineArn, notify }: ExecutionsOptions) {
    this.#sfn = sfn;
    this.#machineArn = machineArn;
    this.#notify = notify;
  }

  /** Starts a run, and returns its ARN. */
  async start(input: RunInput): Promise<string> {
    const command = new StartExecutionCommand({
      stateMachineArn: this.#machineArn,
      input: JSON.stringify(input),
    });
    return (await this.#sfn.send(command)).executionArn as string;
  }

  /** Waits for an execution to end, whichever way, and until everybody is told. */
  async ended(executionArn: string): Promise<void> {
    for (;;) {
      const { status } = await this.#sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (status !== 'RUNNING') {
        break;
      }
      await sleep(20);
    }
    const outcome = await this.#notify.invoke({ detail: { executionArn } });
    if (outcome.status === 'failed') {
      throw new Error(`nobody was told of ${executionArn}: ${outcome.error.errorMessage}`);
    }
  }

  /** Starts a run and waits for its end. */
  async run(input: RunInput): Promise<void> {
    await this.ended(await this.start(input));
  }

  async stop(executionArn: string): Promise<void> {
    await this.#sfn.send(new StopExecutionCommand({ executionArn }));
  }

  /** The ARN of a machine's latest execution. */
  async latest(stateMachineArn: string): Promise<string> {
    const list = new ListExecutionsCommand({ stateMachineArn, maxResults: 1 });
    return (await this.#sfn.send(list)).executions?.[0]?.executionArn as string;
  }
}
