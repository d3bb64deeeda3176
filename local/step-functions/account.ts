import { randomUUID } from 'node:crypto';
import { parseArn } from '../arn.ts';
import { executionArn, requireArn } from './account/arns.ts';
import { checkInput, checkName } from './account/check-start.ts';
import { checkTags, type Tag } from './account/tags.ts';
import { ApiError } from './api-error.ts';
import { compile } from './definition/compile.ts';
import { executionDescription } from './execution/description.ts';
import { Execution } from './execution/execution.ts';
import type { StateMachine } from './execution/state-machine.ts';
import { type Describe, describeExecution } from './integrations/describe-execution.ts';
import type { Integration } from './integrations/integration.ts';
import { type Invocable, lambdaInvoke } from './integrations/lambda-invoke.ts';
import { startExecution, startExecutionBySdk } from './integrations/start-execution.ts';
import { startExecutionSync } from './integrations/start-execution-sync.ts';

/** A state machine to create. */
export interface MachineSpec {
  readonly name: string;
  readonly arn: string;
  /** JSON of the Amazon States Language. */
  readonly definition: string;
  /** Only shown; made up from the name when left out. */
  readonly roleArn?: string;
  readonly tags?: readonly Tag[];
}

/** What is created together, as by one deployment. */
export interface Deployment {
  readonly machines: readonly MachineSpec[];
  readonly functions: readonly Invocable[];
}

/** An execution to start. */
export interface StartRequest {
  readonly stateMachineArn: string;
  /** 1 to 80 characters; a random one when left out. */
  readonly name?: string | undefined;
  /** JSON text of at most 256 KiB; `{}` when left out. */
  readonly input?: string | undefined;
}

/** The state machines, functions and executions of one account in one region. */
export class Account {
  readonly #secondMs: number;
  readonly #machines = new Map<string, StateMachine>();
  readonly #executions = new Map<string, Execution>();
  /** Latest first, because a name without a version means the latest. */
  readonly #functions: Invocable[] = [];

  /** @param secondMs How many milliseconds a second of Wait and of Retry lasts. */
  constructor(secondMs: number) {
    this.#secondMs = secondMs;
  }

  /**
   * Creates or updates machines, and publishes versions of functions. Running executions keep the definition that
   * they started with.
   *
   * @throws InvalidDefinition for a definition, and ApiError for tags, that AWS would refuse.
   */
  deploy({ machines, functions }: Deployment): void {
    this.#functions.unshift(...functions);
    const integrations = this.#integrations();
    for (const { name, arn, definition, roleArn, tags = [] } of machines) {
      checkTags(tags);
      this.#machines.set(arn, {
        name,
        arn,
        definition,
        roleArn: roleArn ?? `arn:aws:iam::${parseArn(arn).account}:role/${name}`,
        compiled: compile(definition, integrations),
        creationDate: new Date(),
        tags,
      });
    }
  }

  get machines(): readonly StateMachine[] {
    return [...this.#machines.values()];
  }

  /** @throws InvalidArn, or StateMachineDoesNotExist. */
  machine(arn: string): StateMachine {
    const machine = this.#machines.get(requireArn(arn, 'stateMachine'));
    if (machine === undefined) {
      throw new ApiError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
    }
    return machine;
  }

  /** @throws InvalidArn, or ExecutionDoesNotExist. */
  execution(arn: string): Execution {
    const execution = this.#executions.get(requireArn(arn, 'execution'));
    if (execution === undefined) {
      throw new ApiError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    }
    return execution;
  }

  /** A machine's executions, the latest first. */
  executionsOf({ arn }: StateMachine): readonly Execution[] {
    return [...this.#executions.values()].filter(({ machine }) => machine.arn === arn).reverse();
  }

  /**
   * Starts an execution. A repeated request does no harm: the same name and input get the execution that runs
   * already.
   *
   * @throws ApiError for a wrong name or input, a machine that does not exist, and a name that was used before.
   */
  start({ stateMachineArn, name = randomUUID(), input = '{}' }: StartRequest): Execution {
    const machine = this.machine(stateMachineArn);
    checkName(name);
    checkInput(input);
    const arn = executionArn(machine.arn, name);
    const existing = this.#executions.get(arn);
    if (existing === undefined) {
      const execution = new Execution({ arn, machine, name, input, secondMs: this.#secondMs });
      this.#executions.set(arn, execution);
      return execution;
    }
    if (existing.status === 'RUNNING' && existing.input === input) {
      return existing;
    }
    throw new ApiError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
  }

  /** Ends all executions that run, without an event: this process gives them up. */
  abandon(): void {
    for (const execution of this.#executions.values()) {
      execution.abandon();
    }
  }

  #integrations(): readonly Integration[] {
    const describe: Describe = (arn, includedData) => executionDescription(this.execution(arn), includedData);
    return [
      lambdaInvoke(this.#functions),
      startExecution(this),
      startExecutionSync(this, describe),
      startExecutionBySdk(this),
      describeExecution(describe),
    ];
  }
}
