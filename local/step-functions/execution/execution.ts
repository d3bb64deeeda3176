import { setMaxListeners } from 'node:events';
import { parseArn } from '../../arn.ts';
import { ApiError } from '../api-error.ts';
import { Failure } from '../failure.ts';
import { Aborted, sleep } from '../interpreter/abortable.ts';
import { Branch } from '../interpreter/branch.ts';
import { runBranch } from '../interpreter/run-branch.ts';
import type { EventDetails, RunningExecution } from '../interpreter/running-execution.ts';
import { type Json, type JsonObject, parseJson, withoutUndefined } from '../json.ts';
import { History, historyFull } from './history.ts';
import type { StateMachine } from './state-machine.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** What an execution is started with. */
export interface ExecutionOptions {
  readonly arn: string;
  readonly machine: StateMachine;
  readonly name: string;
  /** JSON text. */
  readonly input: string;
  /** How many milliseconds a second of Wait and of Retry lasts. */
  readonly secondMs: number;
}

/** What an execution ended with: an output as JSON text, or an error and its cause. */
export interface Ending {
  readonly output?: string;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

/** How an execution ends, and the event that says so. */
interface End {
  readonly status: ExecutionStatus;
  readonly ending: Ending;
  readonly event: {
    readonly type: string;
    readonly previousEventId: number;
    /** The ending itself when left out. */
    readonly details?: EventDetails;
  };
}

/** One execution of a state machine, from its start through all its redrives. It runs as soon as it is made. */
export class Execution implements RunningExecution {
  readonly machine: StateMachine;
  readonly arn: string;
  readonly name: string;
  readonly input: string;
  readonly secondMs: number;
  readonly startDate = new Date();
  readonly history = new History();
  status: ExecutionStatus = 'RUNNING';
  /** Empty while it runs. */
  ending: Ending = {};
  stopDate: Date | undefined;
  redriveCount = 0;
  /** When it was last redriven, and the client token of that request. */
  redriveDate: Date | undefined;
  redriveToken: string | undefined;
  /** States entered, and retries, as AWS bills them. */
  transitions = 0;
  #resolveEnded = () => {};
  /** Resolves when it ends; a redrive makes a new one. It stays pending when the execution is abandoned. */
  ended = this.#untilEnd();
  readonly #input: Json;
  readonly #root: Branch;
  /** Aborts what goes on now; a redrive gets a new one. */
  #abortController = new AbortController();

  constructor({ arn, machine, name, input, secondMs }: ExecutionOptions) {
    this.arn = arn;
    this.machine = machine;
    this.name = name;
    this.input = input;
    this.secondMs = secondMs;
    this.#input = parseJson(input);
    this.#root = new Branch({ workflow: machine.compiled, input: this.#input });
    this.history.add('ExecutionStarted', 0, {
      input,
      inputDetails: { truncated: false },
      roleArn: machine.roleArn,
    });
    void this.#run();
  }

  get region(): string {
    return parseArn(this.arn).region;
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
    if (this.history.isFull) {
      this.#fail(historyFull);
      throw new Aborted();
    }
    return this.history.add(type, previousEventId, details);
  }

  countTransition(): void {
    this.transitions += 1;
  }

  /**
   * Ends it at once. What its tasks do goes on, and nobody hears of it; only an execution that a task waits for is
   * stopped as well. Does nothing to an execution that has ended or was abandoned.
   */
  stop({ error, cause }: { readonly error?: string | undefined; readonly cause?: string | undefined }): void {
    if (this.status === 'RUNNING' && !this.#abortController.signal.aborted) {
      const event = { type: 'ExecutionAborted', previousEventId: 0 };
      this.#end({ status: 'ABORTED', ending: { error, cause }, event });
    }
  }

  /** Why it cannot be redriven; undefined if it can. */
  get notRedrivable(): string | undefined {
    if (this.status === 'RUNNING' || this.status === 'SUCCEEDED') {
      return `Execution is ${this.status} and cannot be redriven`;
    }
    return this.history.hasRoomForRedrive ? undefined : 'Execution history event limit exceeded';
  }

  /**
   * Goes on from the state that did not succeed.
   *
   * @param token The request's client token.
   * @throws ExecutionNotRedrivable.
   */
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
    this.ended = this.#untilEnd();
    const details = { redriveCount: this.redriveCount };
    this.#root.lastEvent = this.history.add('ExecutionRedriven', this.history.latest, details);
    void this.#run();
  }

  /** Ends it without an event: the endpoint closes. */
  abandon(): void {
    this.#abortController.abort(new Aborted());
  }

  async #run(): Promise<void> {
    this.#abortController = new AbortController();
    const { signal } = this.#abortController;
    setMaxListeners(0, signal); // everything that waits listens to it
    this.#startTimeout(signal);
    try {
      await runBranch(this.#root, this, signal);
      this.#succeed();
    } catch (error) {
      if (!signal.aborted) {
        this.#fail(error instanceof Failure ? error : interpreterError(error));
      }
    }
  }

  #startTimeout(signal: AbortSignal): void {
    const { timeoutSeconds } = this.machine.compiled;
    if (timeoutSeconds === undefined) {
      return;
    }
    const details = { error: 'States.Timeout' };
    const event = { type: 'ExecutionTimedOut', previousEventId: 0, details };
    sleep(timeoutSeconds * 1000, signal).then(
      () => this.#end({ status: 'TIMED_OUT', ending: {}, event }),
      () => {}, // the execution has ended before
    );
  }

  #succeed(): void {
    if (this.history.isFull) {
      this.#fail(historyFull);
      return;
    }
    const output = JSON.stringify(this.#root.output);
    const details = { output, outputDetails: { truncated: false } };
    const event = { type: 'ExecutionSucceeded', previousEventId: this.#root.lastEvent, details };
    this.#end({ status: 'SUCCEEDED', ending: { output }, event });
  }

  #fail({ error, cause }: Failure): void {
    const event = { type: 'ExecutionFailed', previousEventId: this.#root.lastEvent };
    this.#end({ status: 'FAILED', ending: { error: error || undefined, cause }, event });
  }

  #end({ status, ending, event }: End): void {
    this.status = status;
    this.ending = ending;
    const details = withoutUndefined({ ...(event.details ?? ending) });
    this.history.add(event.type, event.previousEventId, details);
    this.stopDate = new Date();
    this.#abortController.abort(new Aborted());
    this.#resolveEnded();
  }

  #untilEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }
}

function interpreterError(error: unknown): Failure {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Failure('States.Runtime', `Interpreter: ${stack}`);
}
