import { randomUUID } from 'node:crypto';
import { ApiError } from './api-error.ts';
import { compile } from './definition/compile.ts';
import { describe } from './describe.ts';
import { Execution, type StateMachine } from './execution.ts';
import { bytes, dataLimit } from './json.ts';
import { describeExecution } from './resources/describe-execution.ts';
import { type Invocable, lambdaInvoke } from './resources/lambda-invoke.ts';
import { startExecution, startExecutionBySdk } from './resources/start-execution.ts';
import { checkTags, type Tag } from './tags.ts';

/** A state machine to create. */
export interface MachineSpec {
  readonly name: string;
  readonly arn: string;
  /** JSON of the Amazon States Language. */
  readonly definition: string;
  readonly roleArn?: string;
  readonly tags?: readonly Tag[];
}

/** What is created together, as by one deployment. */
export interface Deployment {
  readonly machines: readonly MachineSpec[];
  readonly functions: readonly Invocable[];
}

/** The state machines, functions and executions of one account in one region. */
export class Account {
  readonly #secondMs: number;
  readonly #machines = new Map<string, StateMachine>();
  readonly #executions = new Map<string, Execution>();
  readonly #functions: Invocable[] = [];

  constructor(secondMs: number) {
    this.#secondMs = secondMs;
  }

  /** Creates or updates machines and publishes versions of functions. Running executions keep what they started with. */
  deploy({ machines, functions }: Deployment): void {
    this.#functions.unshift(...functions); // the latest is the one that a name without a version means
    const resources = [
      lambdaInvoke(this.#functions),
      startExecution(this),
      startExecutionBySdk(this),
      describeExecution((execution, includedData) => describe(this.execution(execution), includedData)),
    ];
    for (const { name, arn, definition, roleArn, tags = [] } of machines) {
      checkTags(tags);
      this.#machines.set(arn, {
        name,
        arn,
        definition,
        roleArn: roleArn ?? `arn:aws:iam::${arn.split(':')[4]}:role/${name}`,
        compiled: compile(definition, resources),
        creationDate: new Date(),
        tags,
      });
    }
  }

  get machines(): readonly StateMachine[] {
    return [...this.#machines.values()];
  }

  machine(arn: string): StateMachine {
    const machine = this.#machines.get(requireArn(arn, 'stateMachine'));
    if (machine === undefined) {
      throw new ApiError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
    }
    return machine;
  }

  execution(arn: string): Execution {
    const execution = this.#executions.get(requireArn(arn, 'execution'));
    if (execution === undefined) {
      throw new ApiError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    }
    return execution;
  }

  /** Latest first. */
  executionsOf({ arn }: StateMachine): readonly Execution[] {
    return [...this.#executions.values()].filter(({ machine }) => machine.arn === arn).reverse();
  }

  /**
   * Starts an execution. The same name with the same input while it runs answers the one there is, so that a repeated
   * request is harmless; any other use of a name that was used before is refused.
   */
  start(machineArn: string, name: string = randomUUID(), input = '{}'): Execution {
    const machine = this.machine(machineArn);
    checkName(name);
    checkInput(input);
    const arn = `${machine.arn.replace(':stateMachine:', ':execution:')}:${name}`;
    const before = this.#executions.get(arn);
    if (before !== undefined) {
      if (before.status === 'RUNNING' && before.input === input) {
        return before;
      }
      throw new ApiError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    }
    const execution = new Execution(machine, { name, input, secondMs: this.#secondMs });
    this.#executions.set(arn, execution);
    return execution;
  }

  /** Ends the interpreter of everything that still runs. */
  abandon(): void {
    for (const execution of this.#executions.values()) {
      execution.abandon();
    }
  }
}

function requireArn(arn: string, kind: 'stateMachine' | 'execution'): string {
  const tail = kind === 'execution' ? '[^:]+:[^:]+' : '[^:]+';
  if (!new RegExp(`^arn:aws[a-z-]*:states:[a-z0-9-]+:\\d{12}:${kind}:${tail}$`).test(arn)) {
    throw new ApiError('InvalidArn', `Invalid Arn: 'Invalid ARN prefix: ${arn}'`);
  }
  return arn;
}

/** What AWS lists as forbidden in names. */
const forbidden = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}\p{Cs}]/u;

function checkName(name: string): void {
  if (name.length === 0 || name.length > 80 || forbidden.test(name)) {
    throw new ApiError('InvalidName', `Invalid Name: '${name}'`);
  }
}

function checkInput(input: string): void {
  if (bytes(input) > dataLimit) {
    const problem = `Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${dataLimit}`;
    throw new ApiError('ValidationException', `1 validation error detected: ${problem}`);
  }
  try {
    JSON.parse(input);
  } catch (error) {
    throw new ApiError(
      'InvalidExecutionInput',
      `Invalid State Machine Execution Input: '${(error as Error).message}'`,
    );
  }
}
