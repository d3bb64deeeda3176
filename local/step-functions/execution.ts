import { setMaxListeners } from 'node:events';
import { ApiError } from './api-error.ts';
import type { Machine } from './definition/machine.ts';
import { Failure } from './failure.ts';
import { type EventDetails, History, historyLimit } from './history.ts';
import { Branch } from './interpreter/branch.ts';
import { runBranch } from './interpreter/run-branch.ts';
import { Aborted, type Running } from './interpreter/running.ts';
import { sleep } from './interpreter/waiting.ts';
import type { Json, JsonObject } from './json.ts';
import type { Tag } from './tags.ts';

export type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** A state machine as it was deployed: its executions keep it, whatever is deployed later. */
export interface StateMachine {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** As it was given, for DescribeStateMachine. */
  readonly definition: string;
  readonly compiled: Machine;
  readonly creationDate: Date;
  readonly tags: readonly Tag[];
}

/** What an execution is started with. */
export interface Start {
  readonly name: string;
  /** JSON text, as it was given. */
  readonly input: string;
  readonly secondMs: number;
}

/** How an execution ended. */
interface Ending {
  readonly output?: string;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** One execution of a state machine, from its start through its redrives. */
export class Execution implements Running {
  readonly machine: StateMachine;
  readonly arn: string;
  readonly name: string;
  readonly input: string;
  readonly secondMs: number;
  readonly startDate = new Date();
  readonly history = new History();
  status: Status = 'RUNNING';
  ending: Ending = {};
  stopDate: Date | undefined;
  redriveCount = 0;
  redriveDate: Date | undefined;
  redriveToken: string | undefined;
  /** States entered and tried again, as AWS bills them. */
  transitions = 0;
  readonly #input: Json;
  readonly #root: Branch;
  #now = new AbortController();

  constructor(machine: StateMachine, { name, input, secondMs }: Start) {
    this.machine = machine;
    this.name = name;
    this.arn = `${machine.arn.replace(':stateMachine:', ':execution:')}:${name}`;
    this.input = input;
    this.secondMs = secondMs;
    this.#input = JSON.parse(input) as Json;
    this.#root = new Branch(machine.compiled, this.#input);
    this.history.add('ExecutionStarted', 0, {
      input,
      inputDetails: { truncated: false },
      roleArn: machine.roleArn,
    });
    void this.#run();
  }

  get region(): string {
    return this.arn.split(':')[3] ?? '';
  }

  get context(): JsonObject {
    const { arn, name, machine, redriveCount, redriveDate } = this;
    return {
      Execution: {
        Id: arn,
        Input: this.#input,
        Name: name,
        RoleArn: machine.roleArn,
        StartTime: this.startDate.toISOString(),
        ...(redriveDate && { RedriveCount: redriveCount, RedriveTime: redriveDate.toISOString() }),
      },
      StateMachine: { Id: machine.arn, Name: machine.name },
    };
  }

  record(type: string, previousEventId: number, details?: EventDetails): number {
    if (this.status !== 'RUNNING') {
      throw new Aborted();
    }
    if (this.history.length + 1 >= historyLimit) {
      this.#fail(historyFull);
      throw new Aborted();
    }
    return this.history.add(type, previousEventId, details);
  }

  countTransition(): void {
    this.transitions += 1;
  }

  /** Ends it at once. What its tasks are doing goes on, unseen. */
  stop(error?: string, cause?: string): void {
    if (this.status === 'RUNNING') {
      this.#end('ABORTED', 'ExecutionAborted', 0, { error, cause });
    }
  }

  /** Why it cannot be redriven; `undefined` if it can. */
  get notRedrivable(): string | undefined {
    if (this.status === 'RUNNING' || this.status === 'SUCCEEDED') {
      return `Execution is ${this.status} and cannot be redriven`;
    }
    // One event for the redrive, one for the end.
    return this.history.length >= historyLimit - 1 ? 'Execution history event limit exceeded' : undefined;
  }

  /** Goes on from the state that did not succeed. */
  redrive(token?: string): void {
    if (this.notRedrivable !== undefined) {
      throw new ApiError('ExecutionNotRedrivable', this.notRedrivable);
    }
    this.status = 'RUNNING';
    this.ending = {};
    this.stopDate = undefined;
    this.redriveCount += 1;
    this.redriveDate = new Date();
    this.redriveToken = token;
    const details = { redriveCount: this.redriveCount };
    this.#root.lastEvent = this.history.add('ExecutionRedriven', this.history.length, details);
    void this.#run();
  }

  /** Ends the interpreter without a word in the history: the endpoint closes. */
  abandon(): void {
    this.#now.abort(new Aborted());
  }

  async #run(): Promise<void> {
    this.#now = new AbortController();
    const { signal } = this.#now;
    setMaxListeners(0, signal);
    const { timeoutSeconds } = this.machine.compiled;
    if (timeoutSeconds !== undefined) {
      sleep(timeoutSeconds * 1000, signal).then(
        () => this.#end('TIMED_OUT', 'ExecutionTimedOut', 0, {}, { error: 'States.Timeout' }),
        () => {}, // it ended in time
      );
    }
    try {
      await runBranch(this.#root, this, signal);
      this.#succeed();
    } catch (error) {
      if (!signal.aborted) {
        this.#fail(
          error instanceof Failure ? error : new Failure('States.Runtime', `Interpreter: ${stackOf(error)}`),
        );
      }
    }
  }

  #succeed(): void {
    if (this.history.length + 1 >= historyLimit) {
      this.#fail(historyFull);
      return;
    }
    const output = JSON.stringify(this.#root.output);
    const details = { output, outputDetails: { truncated: false } };
    this.#end('SUCCEEDED', 'ExecutionSucceeded', this.#root.lastEvent, { output }, details);
  }

  #fail({ error, reason }: Failure): void {
    this.#end('FAILED', 'ExecutionFailed', this.#root.lastEvent, {
      error: error || undefined,
      cause: reason,
    });
  }

  #end(status: Status, type: string, previousEventId: number, ending: Ending, details?: EventDetails): void {
    this.status = status;
    this.ending = ending;
    const given = Object.entries(details ?? ending).filter(([, value]) => value !== undefined);
    this.history.add(type, previousEventId, Object.fromEntries(given));
    this.stopDate = new Date();
    this.#now.abort(new Aborted());
  }
}

const historyFull = new Failure(
  'States.Runtime',
  `The execution reached the maximum number of history events (${historyLimit}).`,
);

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
