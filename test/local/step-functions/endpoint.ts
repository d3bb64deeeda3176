import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { failed, type Outcome } from '../../../local/lambda/outcome.ts';
import type { Invocable } from '../../../local/step-functions/integrations/lambda-invoke.ts';
import {
  type StepFunctions,
  type StepFunctionsOptions,
  startStepFunctions,
} from '../../../local/step-functions/step-functions.ts';
import { credentials } from '../../support/credentials.ts';

export type States = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A definition in JSONata that starts with the first of its states. */
export function definition(states: States, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: Object.keys(states)[0],
    States: states,
    ...more,
  });
}

export const machineArn = (name: string) => `arn:aws:states:eu-central-1:123456789012:stateMachine:${name}`;

/** A function that is JavaScript here and not a bundle. */
export function fn(name: string, handler: (event: never) => unknown, version = '$LATEST'): Invocable {
  return {
    name,
    arn: `arn:aws:lambda:eu-central-1:123456789012:function:${name}`,
    version,
    invoke: async (payload): Promise<Outcome> => {
      try {
        return { status: 'succeeded', payload: (await handler(payload as never)) ?? null };
      } catch (error) {
        return failed((error as Error).name, (error as Error).message);
      }
    },
  };
}

/** A Task that invokes a function with its input. */
export function invoke(name: string, more: Readonly<Record<string, unknown>> = { End: true }) {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: name, Payload: '{% $states.input %}' },
    Output: '{% $states.result.Payload %}',
    ...more,
  };
}

export interface Ran extends DescribeExecutionCommandOutput {
  /** The output, parsed. */
  readonly result: unknown;
  readonly events: readonly HistoryEvent[];
  /** Their types, in order. */
  readonly types: readonly string[];
}

/** The real client on an endpoint that runs the given machines; seconds of waiting last `secondMs`. */
export async function endpoint(
  machines: Readonly<Record<string, string>>,
  { functions = [], secondMs = 10 }: Partial<StepFunctionsOptions> = {},
) {
  const running: StepFunctions = await startStepFunctions({
    machines: Object.entries(machines).map(([name, text]) => ({
      name,
      arn: machineArn(name),
      definition: text,
    })),
    functions,
    secondMs,
    accessKeyId: credentials.accessKeyId,
  });
  const client = new SFNClient({
    endpoint: running.url,
    region: 'eu-central-1',
    credentials,
  });

  async function start(machine: string, input: unknown = {}, name?: string): Promise<string> {
    const command = new StartExecutionCommand({
      stateMachineArn: machineArn(machine),
      input: JSON.stringify(input),
      ...(name && { name }),
    });
    return (await client.send(command)).executionArn as string;
  }

  async function history(executionArn: string): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(
        new GetExecutionHistoryCommand({ executionArn, maxResults: 1000, ...(nextToken && { nextToken }) }),
      );
      events.push(...(page.events ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return events;
  }

  async function ended(executionArn: string): Promise<Ran> {
    for (;;) {
      const described = await client.send(new DescribeExecutionCommand({ executionArn }));
      if (described.status !== 'RUNNING') {
        const events = await history(executionArn);
        return {
          ...described,
          result: described.output === undefined ? undefined : JSON.parse(described.output),
          events,
          types: events.map(({ type }) => String(type)),
        };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  return {
    ...running,
    client,
    start,
    history,
    ended,
    run: async (machine: string, input?: unknown): Promise<Ran> => ended(await start(machine, input)),
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await running.close();
    },
  };
}

/** Runs one machine once. */
export async function runOnce(
  text: string,
  input: unknown = {},
  options: Partial<StepFunctionsOptions> = {},
): Promise<Ran & { readonly transitions: number }> {
  const sfn = await endpoint({ probe: text }, options);
  try {
    const ran = await sfn.run('probe', input);
    return { ...ran, transitions: sfn.transitions(ran.executionArn as string) };
  } finally {
    await sfn[Symbol.asyncDispose]();
  }
}
