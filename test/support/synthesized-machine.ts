import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import { type Assembly, readAssembly } from '../../local/assembly/assembly.ts';
import type { Template } from '../../local/assembly/template.ts';
import { failed, type Outcome } from '../../local/lambda/outcome.ts';
import { Account } from '../../local/step-functions/account.ts';
import type { Execution } from '../../local/step-functions/execution/execution.ts';

// A second of the machine in ms: its waits and back-offs are over at once, in their order, and a year of them in 32 ms.
const secondMs = 0.000_001;
const machineName = 'run-migrations';

let assembly: Assembly | undefined;

/** The synthesized machine, with a function in this process where its Lambda is. */
export interface SynthesizedMachine {
  /** Runs an execution to its end. */
  run(name: string, input: string): Promise<Execution>;
  /** Its executions, the earliest first: each run, and the parts of it. */
  executions(): readonly Execution[];
  /** How one of its executions is; undefined for another. */
  statusOf(executionArn: string): string | undefined;
}

/** Makes the machine anew, without any execution. An error that `invoke` throws fails the invocation by its name. */
export function synthesizedMachine(invoke: (payload: unknown) => Promise<unknown>): SynthesizedMachine {
  assembly ??= readEngineAssembly();
  const { machines, functions } = assembly;
  const account = new Account(secondMs);
  const spec = functions.find(({ name }) => name.includes('Migrate'));
  const machine = machines.find(({ name }) => name === machineName);
  if (spec === undefined || machine === undefined) {
    throw new Error(`the stack has ${[...functions, ...machines].map(({ name }) => name).join(', ')}`);
  }
  const { arn, name, version = '1' } = spec;
  account.deploy({
    machines,
    functions: [{ arn, name, version, invoke: (payload) => outcomeOf(invoke, payload) }],
  });

  const find = (executionArn: string): Execution | undefined => {
    try {
      return account.execution(executionArn);
    } catch {
      return undefined;
    }
  };
  return {
    async run(executionName, input) {
      const execution = account.start({ stateMachineArn: machine.arn, name: executionName, input });
      await ended(execution);
      return execution;
    },
    executions: () => account.executionsOf(account.machine(machine.arn)).toReversed(),
    statusOf: (executionArn) =>
      executionArn.includes(`:${machineName}:`) ? find(executionArn)?.status : undefined,
  };
}

async function ended(execution: Execution): Promise<void> {
  while (execution.status === 'RUNNING') {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function outcomeOf(invoke: (payload: unknown) => Promise<unknown>, payload: unknown): Promise<Outcome> {
  try {
    // As JSON, which is what travels between Step Functions and Lambda.
    const answer = JSON.stringify((await invoke(JSON.parse(JSON.stringify(payload)))) ?? null);
    return { status: 'succeeded', payload: JSON.parse(answer) };
  } catch (error) {
    const { name, message } = error as Error;
    return failed(name, message);
  }
}

/** What `global-setup.ts` has synthesized, once for all test files. */
function readEngineAssembly(): Assembly {
  const { template, folder } = inject('engineAssembly');
  return readAssembly(JSON.parse(readFileSync(template, 'utf8')) as Template, { folder, version: '1' });
}
